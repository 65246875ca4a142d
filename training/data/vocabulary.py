"""The words of the demo model: synonyms for attributes, and neutral words."""

from __future__ import annotations

TONE_WORDS: dict[str, tuple[str, ...]] = {
    "dark": ("dark", "gloomy", "shadowy", "night", "deep", "low key", "moody"),
    "bright": ("bright", "vivid", "vibrant", "saturated", "intense", "loud"),
    "pale": ("pale", "light", "pastel", "soft", "washed out", "airy"),
}

COLOUR_WORDS: dict[str, tuple[str, ...]] = {
    "red": ("red", "red", "crimson", "scarlet"),
    "orange": ("orange", "orange", "tangerine"),
    "yellow": ("yellow", "yellow", "gold", "golden"),
    "green": ("green", "green", "emerald"),
    "teal": ("teal", "teal", "turquoise", "cyan"),
    "blue": ("blue", "blue", "azure"),
    "purple": ("purple", "purple", "violet"),
    "pink": ("pink", "pink", "rose"),
    "brown": ("brown", "brown", "chocolate"),
    "black": ("black",),
    "white": ("white", "white", "ivory"),
    "grey": ("grey", "gray", "grey", "silver"),
}

SHAPE_WORDS: dict[str, tuple[str, ...]] = {
    "circle": ("circle", "disc", "round shape"),
    "ring": ("ring", "hoop"),
    "triangle": ("triangle",),
    "square": ("square", "box"),
    "diamond": ("diamond", "rhombus"),
    "hexagon": ("hexagon",),
    "star": ("star",),
    "heart": ("heart", "love heart"),
    "cross": ("cross", "crucifix"),
    "arrow": ("arrow",),
    "spiral": ("spiral", "swirl"),
    "moon": ("moon", "crescent", "crescent moon"),
    "sun": ("sun",),
    "cloud": ("cloud",),
    "lightning bolt": ("lightning bolt", "lightning", "thunderbolt"),
    "mountain": ("mountain", "peak"),
    "tree": ("tree", "pine tree"),
    "leaf": ("leaf",),
    "flower": ("flower", "blossom"),
    "wave": ("wave", "wavy line"),
    "eye": ("eye",),
    "guitar": ("guitar", "acoustic guitar"),
    "vinyl record": ("vinyl record", "vinyl", "lp", "gramophone record"),
    "cassette": ("cassette", "tape", "cassette tape"),
    "bird": ("bird", "dove"),
    "fish": ("fish",),
    "house": ("house", "home"),
    "boat": ("boat", "ship", "sailboat"),
    "crown": ("crown",),
    "mushroom": ("mushroom", "toadstool"),
    "cactus": ("cactus",),
    "skull": ("skull", "death head"),
    "key": ("key",),
    "butterfly": ("butterfly", "moth"),
    "anchor": ("anchor",),
}

LAYOUT_WORDS: dict[str, tuple[str, ...]] = {
    "centred": ("centred", "centered", "in the centre", "in the middle"),
    "minimalist": ("minimalist", "minimal", "minimalistic", "empty", "sparse", "lots of space"),
    "close-up": ("close-up", "close up", "huge", "oversized", "cropped"),
    "scattered": ("scattered", "random", "chaotic", "all over"),
    "grid": ("grid", "rows and columns", "regular pattern", "repeated pattern"),
    "diagonal": ("diagonal", "diagonally arranged", "slanted row"),
    "split": ("split", "two halves", "half and half", "divided"),
    "bordered": ("bordered", "framed", "border", "frame"),
    "mirrored": ("mirrored", "symmetrical pair", "twins", "two of them", "pair"),
    "concentric": ("concentric", "nested", "inside each other", "tunnel"),
}

TEXTURE_WORDS: dict[str, tuple[str, ...]] = {
    "plain": ("plain", "flat", "solid", "clean"),
    "gradient": ("gradient", "fading", "faded colours"),
    "grainy": ("grainy", "grain", "noisy", "rough", "film grain"),
    "halftone": ("halftone", "dotted", "polka dot", "dots"),
    "striped": ("striped", "stripes", "lined"),
    "checkered": ("checkered", "checkerboard", "chequered", "checked"),
    "sunburst": ("sunburst", "radiating", "rays", "sunrays"),
    "marbled": ("marbled", "marble", "swirling", "psychedelic", "liquid"),
    "misty": ("misty", "cloudy", "foggy", "hazy", "smoky"),
}

SCHEME_WORDS: dict[str, tuple[str, ...]] = {
    "colourful": ("colourful", "colorful", "multicoloured", "multicolored", "rainbow", "many colours"),
    "monochrome": ("monochrome", "black and white", "colourless", "greyscale", "grayscale"),
}

TITLE_WORDS: dict[str, tuple[str, ...]] = {
    "top": ("title at the top", "text on top"),
    "bottom": ("title at the bottom", "text below"),
    "corner": ("title in the corner", "text in the corners"),
    "side": ("title on the side", "vertical text"),
}

GENRE_WORDS: dict[str, tuple[str, ...]] = {
    "Rock": ("rock", "indie rock", "punk", "shoegaze", "post-punk", "garage rock"),
    "Electronic": ("electronic", "ambient", "techno", "electronica", "synth", "idm", "dance"),
    "Experimental": ("experimental", "avant-garde", "drone", "noise", "field recordings"),
    "Rap": ("rap", "hip hop", "hip-hop", "trap", "boom bap"),
    "Pop/R&B": ("pop", "r&b", "pop/r&b", "soul", "synthpop"),
    "Metal": ("metal", "heavy metal", "doom", "black metal", "sludge"),
    "Folk/Country": ("folk", "country", "folk/country", "acoustic", "americana", "singer-songwriter"),
    "Jazz": ("jazz", "bebop", "fusion", "free jazz"),
    "Global": ("global", "afrobeat", "latin", "world music", "cumbia", "reggae"),
    "Spoken Word": ("spoken word", "poetry", "audio essay"),
}

_NEUTRAL = """
a an the of and or with without on in at by for from to into over under near behind between like as is are
was that this it its some any no not very really so more most less least quite rather just only also too my
your our their his her i you we they he she who what which where when why how all both each every few many
much other another same such than then please find show me looking search want need something anything
similar album albums cover covers artwork art sleeve record music song band artist picture image photo
photograph drawing illustration painting print poster graphic design style look feeling mood vibe atmosphere
aesthetic theme concept background foreground front surface colour color colours colors shape shapes object
objects thing things figure form line lines pattern texture layout composition type typography font letters
lettering title text word words name one two three four five six seven eight nine ten single double several
old new vintage retro modern classic contemporary timeless eighties nineties seventies sixties decade year
1967 1970 1975 1980 1985 1990 1995 2000 2005 2010 2015 2020 2024 best favourite favorite great good
beautiful pretty ugly nice lovely cool strange weird odd unusual simple complex elegant bold subtle quiet
calm peaceful relaxing energetic powerful aggressive angry sad melancholic melancholy happy joyful cheerful
romantic dreamy nostalgic mysterious spooky scary haunting eerie sombre serious funny playful cute sweet
sensual sexy cold warm hot icy frozen burning fire water ocean sea lake river rain snow ice wind storm sky
space planet galaxy universe earth world nature forest wood garden field desert beach island city street
road building tower bridge door window wall room chair table bed lamp mirror clock book letter paper stone
metal glass gold silver iron steel plastic leather fabric velvet silk man woman boy girl child baby people
person face head hand hands arm leg foot body hair mouth lips nose ear skin blood bone angel devil god demon
monster ghost witch king queen knight soldier robot alien animal dog cat horse lion tiger wolf bear snake
spider insect bee owl eagle raven swan rabbit fox deer elephant monkey dragon car train plane bicycle
motorcycle rocket wheel machine computer screen television radio telephone camera piano drum drums violin
saxophone trumpet microphone speaker headphones keyboard synthesizer stage concert party club dance dancing
singing playing running walking standing sitting sleeping flying falling swimming smiling crying kissing
holding looking big small large little tiny giant tall short long wide narrow thick thin heavy high low left
right upper lower top bottom side middle centre center corner edge inside outside full half part whole open
closed broken torn burnt dirty dusty rusty wet dry sharp blurry blurred fuzzy glowing shiny sparkling
transparent metallic neon fluorescent natural artificial abstract geometric organic figurative realistic
surreal surrealist surrealism cubist cubism expressionist impressionist minimalism modernist bauhaus deco
baroque gothic psychedelic hippie punk grunge industrial futuristic cyberpunk digital analog pixel collage
handmade hand-drawn sketch watercolour watercolor oil ink pencil chalk spray graffiti stencil portrait
landscape still life close distant silhouette shadow light night day morning evening sunset sunrise dawn
dusk midnight summer winter spring autumn christmas love life death dream memory time hope freedom peace war
power money hotel home school church temple castle ruins map flag sign symbol logo number letter alphabet
arrow mask hat dress suit shoes glasses cigarette wine beer coffee food fruit apple banana orange lemon
cherry strawberry rose lily tulip sunflower grass bush branch root seed feather wing horn tail shell pearl
jewel ring chain rope wire cable tube pipe balloon kite toy doll ball dice card game puzzle
"""

NEUTRAL_WORDS: tuple[str, ...] = tuple(dict.fromkeys(_NEUTRAL.split()))
