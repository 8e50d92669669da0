"""What people open from a mail: confirming, leaving by one click, public tickets."""
