"""Words that the microworld is made of: values of its relations, first names, and plain nouns for its tasks."""

CITIES = tuple(
    """
    paris london rome oslo madrid berlin vienna prague lisbon dublin athens warsaw cairo tokyo seoul lima quito
    havana delhi mumbai kyoto osaka sydney perth boston chicago denver dallas miami seattle toronto ottawa naples
    milan turin venice lyon nice bonn munich hamburg geneva zurich basel bergen turku tallinn riga vilnius minsk
    kiev moscow sofia zagreb split tunis algiers lagos nairobi accra dakar harare lusaka tehran baghdad beirut amman
    doha muscat kabul lahore karachi dhaka hanoi manila jakarta bogota caracas santiago asuncion brasilia recife
    salvador panama managua belfast glasgow cardiff bristol leeds oxford porto seville bilbao malaga ghent bruges
    antwerp utrecht krakow gdansk
    """.split()
)
PROFESSIONS = tuple(
    """
    baker banker barber brewer broker builder butcher butler carpenter chemist clerk coach cook dancer dentist diver
    doctor draper drummer editor engineer farmer fisher florist gardener glazier grocer guard hatter hunter janitor
    jeweller joiner judge juggler lawyer librarian locksmith magician mason mayor mechanic midwife miller miner
    model monk nurse optician painter pharmacist pilot plumber poet porter potter printer professor ranger referee
    reporter sailor saddler sculptor shepherd singer smith soldier surgeon surveyor tailor tanner teacher trader
    translator vet waiter watchmaker weaver welder writer
    """.split()
)
DISHES = tuple(
    """
    lasagne risotto paella goulash curry sushi ramen tempura falafel hummus kebab moussaka pizza ravioli gnocchi
    polenta borscht pierogi schnitzel strudel fondue raclette quiche omelette ratatouille cassoulet crepes waffles
    pancakes porridge muesli chowder gumbo jambalaya burrito tacos nachos ceviche empanada feijoada couscous tagine
    biryani dhal samosa naan laksa satay rendang kimchi bulgogi bibimbap dumplings congee noodles stew casserole
    meatballs trifle pavlova brownies cheesecake tiramisu cannoli baklava halva sorbet marzipan nougat toffee
    chutney coleslaw gazpacho minestrone bouillon salad sandwich burger haggis scones
    """.split()
)
SUBJECTS = tuple(
    """
    algebra geometry physics chemistry biology botany zoology geology astronomy history law medicine theology
    philosophy logic grammar rhetoric music drama economics politics sociology psychology anatomy ecology genetics
    optics acoustics mechanics statistics architecture archaeology linguistics latin greek arabic hebrew sanskrit
    persian turkish finnish danish poetry ethics journalism forestry nursing finance accounting marketing geography
    meteorology oceanography metallurgy cartography calligraphy pharmacy robotics computing topology calculus
    """.split()
)
PETS = tuple(
    """
    cat dog parrot canary hamster rabbit turtle ferret goldfish lizard gecko iguana python tarantula mouse pony
    donkey goat lamb hen goose duck peacock owl falcon raven magpie budgie finch guppy newt frog toad snail hedgehog
    squirrel otter badger fox wolf llama alpaca camel mule
    """.split()
)
HOBBIES = tuple(
    """
    chess golf tennis rugby cricket hockey archery fencing judo karate rowing sailing surfing skiing skating hiking
    climbing caving camping angling knitting sewing crochet quilting pottery origami juggling cycling jogging yoga
    poker bridge dominoes darts billiards bowling badminton squash polo croquet gliding kayaking birding stargazing
    """.split()
)
WORDS = tuple(
    """
    lamp tree stone cloud river chair table spoon plate glass bottle window door wall roof garden forest meadow
    island beach shell wave storm rain snow wind fire smoke candle paper pencil book letter stamp coin purse ring
    crown sword shield rope chain wheel cart train boat bridge tower castle church bell clock mirror brush comb soap
    towel pillow blanket carpet curtain basket bucket hammer nail screw ladder shovel fence gate path hill valley
    cliff cave lake pond bean leaf root seed flower rose tulip apple pear plum peach grape lemon cherry onion carrot
    potato bread butter cheese honey sugar salt pepper
    """.split()
)
FIRST_NAMES = tuple(
    """
    Ada Alan Alma Anna Arno Bela Bert Carl Cora Dana Dora Edna Egon Elsa Emil Enid Eric Esra Fay Finn Fred Gail Gina
    Glen Greta Hans Hope Hugo Ida Igor Ines Iris Ivan Jack Jane Joel Judy Karl Kate Kurt Lars Lena Leo Lily Lois
    Luca Lucy Mara Mark Maud Mia Mona Nils Nina Noah Nora Olaf Olga Otto Paul Petra Rita Rolf Rosa Ruth Sam Sara
    Saul Sven Tara Theo Tina Toby Una Vera Ward Wanda Yves Zoe
    """.split()
)
CERTAINTY_PHRASES = tuple(
    """
    I'm about 10% sure. I'm about 20% sure. I really don't know, but maybe Just a guess. I'm about 30% sure. I'm
    about 40% sure. I'm not sure, but perhaps I doubt it, but I'm about 50% sure. I'm about 60% sure. I think it is
    Possibly. I'm about 70% sure. I'm about 80% sure. I'm fairly sure it is Quite likely. I'm about 90% sure. I'm
    about 100% sure. I'm certain it is No doubt.
    """.split()
)
ONSETS = tuple("b d f g h j k l m n p r s t v w z br dr fl gr kl kr pl sk st tr".split())
CODAS = ("", "l", "m", "n", "r", "s", "x", "ck", "nd", "rt")
