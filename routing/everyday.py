"""Words that people write without meaning what the registry calls so.

A name that is such a word counts only in its exact spelling and with a qualifier ("the Swan cluster").
They are of the kinds that grids are named by: planets, beasts, virtues, places of work, first names; and what
this community says in every mail.
"""

from __future__ import annotations

from typing import Final

_WORDS: Final = """
abacus academy accelerator access advance advanced agent air alice all alpha amsterdam and andy anna
annie anvil any apollo apple ara aragon archive ares argon ark arrow art artemis atlantis atom attic
auger aurora bear bell bella belle berlin beta big bison blue bolt boost border boston bridge bridges
bright broker brown buffalo ca cache caching campus canary cardinal castle catalyst ce cedar center
central chameleon change chicago chief clara cloud cluster code comet compass compute computing condor
connect core cosmos cougar crane creation crystal cube cumulus current cyber dark darkside data david
dawn deep default delta demo denver des desert design dev digital discovery doe dolphin domain dragon
dream duke dune eagle earth east echo eclipse eddie edge elite else emerald emma endeavour energy engage
engagement engine enterprise entry epic eric et euler eva everest example expanse expert explorer express
extra factory falcon farm fast field fir fire firebird flame fleet flora flow for force forest forge
fortune forum forward fox free freedom frontera frontier fusion future galaxy gamma gate gateway gc
gemini general genesis geneva genie genius george giant glacier global glory gold granite graph grass
gravity great green grid ground group grow guardian guide gums harbor hawk heart helen hello help
hercules heritage hermes hero horizon horus host houston hub huge hyper icarus ice icon idea impact
impulse index infinity info infrastructure initiative insight inspire integration internet iris iron
island ivory jack jade jaguar james jane jet jetstream job jobs john join journey julia jump jupiter
jupyter kashiwa key king knight lab lake lambda lariat laser launch leader legacy leo leopard liberty
libra life light lightning lily line lion lisa live local london lotus lucille luna lux lynx machine
madrid magic magnolia main major manhattan map maple maria mark mars martha martin master math matrix
matter maverick max mega mercury mesa meteor metro mia michael micro milky mill mine minerva mini minna
minos mirror mis mission mist model moon mountain mouse nation native nature nebula nemo neo neptune nest
net network neutron new next night nih nina node noise noon normal north not nova novel now nsf nucleus
oak oasis ocean olga omega one online open ops oracle orange orbit orca origin orion oscar osg oslo
oxford ozone pacific palm palmetto panda panther paradigm paris path pathfinder patriot paul pearl
pegasus penguin perseus peter phantom phoenix photon pic pile pilot pine pioneer planet plasma platform
plus point polar pool portal power prime prism production profile project prometheus proton pulse pyramid
quantum quark quartz quest ra rainbow ram range rapid raven ray reach ready red reef research resource
rhino rice ridge ring rise river road rock rocket rome root rosa rose royal ruby sage sandhills sapphire
sara saturn scale sci science scout se sea search sense sentinel series server service shadow shark shell
shield shift signal silver simon simple sky slate smart snow sol solar sonic sophia space spark spectrum
speed sphere spirit spring sprint square srm stack staff stampede star starlight stars start stash state
stationary status steel stella stone storage storm stream strike strong structure submit submitters
summer summit sun sunrise super surf surge swan swift system talon team tech technologies technology
tempest temple terra test the theo theory thomas thor thunder tide tiger tigers time titan today tokyo
top torch tornado touch tower track trail transfer tree trevor trident trinity triton triumph true trust
tundra turbo turtle tusker twin uh ui ultra union unity universe university upgrade upload user valley
vega venture venus vesper victor victoria vienna viper virgo virtual vision vista vo void volt voms
vortex voyager warp wave web west whale wild wind wing winter wisdom wn wolf wonder work world xenon
yellow zenith zephyr zero zone
"""
EVERYDAY: Final = frozenset(_WORDS.split())

# Acronyms of this community that stand for something else elsewhere, with words that stand beside that.
HOMONYMS: Final = {
    "cms": ("content management", "drupal", "wordpress", "joomla", "typo3", "plone", "web editor"),
    "des": ("cipher", "encryption", "encrypted", "3des", "triple"),
    "cdf": ("cumulative", "distribution function", "netcdf", "probability"),
    "lz": ("compression", "compressed", "lz4", "lzma"),
    "mis": ("management information",),
    "cta": ("call to action",),
    "sdss": ("subject-specific",),
}
