"""The words of streets: those that follow a name in English, those that precede it in French and its neighbours."""

SUFFIXES = frozenset(
    """
    street st avenue ave av road rd drive dr boulevard blvd lane ln crescent cres court ct way place pl trail trl
    parkway pkwy terrace terr ter circle cir square sq highway hwy close gate grove heights hts hill hills mews park
    path plaza point ridge rise row run walk wynd view green gardens gdns landing line sideroad concession bay cove loop
    alley bypass causeway common commons crossing crossroad expressway extension freeway glen harbour harbor hollow
    island junction manor meadow meadows mill mills mount mountain mountains orchard oval pass passage pike pine pines
    port ports prairie promenade quay ramp rapid rapids rest route shoal shoals shore shores spring springs spur spurs
    station stravenue stream summit throughway trace track trafficway tunnel turnpike underpass union unions valley
    valleys via viaduct viaducts views village villages ville vista ways well wells bend bluff bluffs bottom branch
    bridge brook brooks burg burgs camp canyon cape center centers centre circles cliff cliffs club corner corners
    course courts coves creek crest crossroads curve dale dam divide drives estate estates fall falls ferry field fields
    flat flats ford fords forest forge forges fork forks fort garden gateway glens greens groves haven inlet islands
    isle junctions key keys knoll knolls lake lakes land light lights loaf lock locks lodge mall motorway neck overpass
    parks parkways passes plain plains plazas points radial ranch ridges river roads skyway squares streets mission
    strasse straat laan weg gasse vej gatan katu tie
    """.split()
)
# Words that a longer name may stand before; before the others two words at most: many are plain words too.
USUAL = frozenset(
    """
    street st avenue ave av road rd drive dr boulevard blvd lane ln crescent cres court ct way place pl trail trl
    parkway pkwy terrace terr ter circle cir square sq highway hwy close gate grove heights hts hill park
    """.split()
)
# Words that mean a street even in lower case: `123 main street`.
LOWER_CASE = frozenset("street st avenue ave road rd boulevard blvd crescent cres parkway pkwy lane drive dr".split())
BEFORE = (
    "rue", "avenue", "ave", r"av", "boulevard", "boul", "blvd", "bd", "bld", "chemin", "ch", "place", "pl", "allee",
    "impasse", "route", "rte", "rang", "montee", "cote", "quai", "cours", "square", "passage", "croissant", "crois",
    "terrasse", "ruelle", "sentier", "voie", "faubourg", "fbg", "promenade", "prom", "carre", "esplanade", "chaussee",
    "autoroute", "calle", "via", "ul", "avenida", "rua", "piazza", "corso", "strada",
    r"\d{1,3}(?:e|er|re|ieme|eme) (?:rue|avenue|rang)",
)  # fmt: skip
# What never stands in a street's name between its number and its word.
STOP = frozenset(
    """
    the a an of on in at to from by with for and or but is are was were this that these those my your his her our their
    minute minutes min mins hour hours hr hrs day days week weeks month months year years km kms mile miles metre metres
    meter meters feet ft lane lanes people cars percent dollars other different more new times per
    le la les un une des et ou dans sur pour par avec ans jours heures
    """.split()
)
