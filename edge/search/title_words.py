"""The words that invented titles are made of, by what they can stand for in a title.

We chose all of them: common enough to be said aloud, and harmless in any combination. OFFENSIVE has
the words that a title must never contain.
"""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# The parts of the patterns in `edge.search.titles`.
WORDS: dict[str, tuple[str, ...]] = {
    "quality": _words("""
        Amber Ancient Bitter Blue Borrowed Bright Broken Burning Crooked Crimson Crystal Dark
        Distant Divided Empty Endless Faithful False Fallen Floating Forbidden Forgotten Fragile
        Frozen Gentle Gilded Golden Great Green Grey Hidden Hollow Honest Impossible Invisible
        Iron Little Lonely Long Lost Lucky Midnight Noble Northern Old Painted Paper Patient
        Perfect Private Quiet Reluctant Restless Rising Royal Sacred Savage Scarlet Secret Silent
        Silver Sleeping Solitary Southern Stolen Strange Sunken Sweet Tender Uncertain Unfinished
        Unlikely Velvet Wandering Weary White Wild Winding Wooden
    """),
    "thing": _words("""
        Affair Apple Arrangement Arrow Bargain Bell Bird Boat Bond Bridge Candle Carnival Chair
        Circle Clock Coat Compass Crown Dance Door Dream Engine Envelope Equation Experiment
        Farewell Feather Fire Flag Flame Flower Fox Game Gate Gift Glass Hat Heart Horse
        Inheritance Journey Key Kite Ladder Lamp Lantern Letter Lie Lion Locket Machine Map
        Marriage Mask Melody Mirror Moon Needle Notebook Oath Octopus Parade Pearl Photograph
        Piano Picture Pilgrimage Promise Proposal Puzzle Quarrel Question Raven Recipe Reunion
        Ribbon Riddle Ring River Rose Rumor Sail Scarf Secret Shadow Ship Signal Song Sparrow Star
        Stone Storm Story Suitcase Swan Sword Ticket Tiger Tower Train Treasure Tree Umbrella
        Verdict Violin Voice Voyage Wager Waltz Wedding Whisper Window Wish Witness Wolf
    """),
    "things": _words("""
        Anchors Angels Apples Arrows Bells Birds Boats Brothers Candles Circles Clouds Crowns
        Dancers Days Doors Dreams Echoes Feathers Fires Flags Flowers Footsteps Foxes Friends
        Games Gates Ghosts Giants Hearts Heroes Horses Hours Islands Keys Kings Kites Ladders
        Lanterns Letters Lions Lovers Machines Maps Masks Miles Mirrors Moons Mountains Names
        Neighbors Nights Orphans Pearls Pilots Promises Queens Questions Ravens Ribbons Rivals
        Rivers Roads Roses Sailors Secrets Shadows Ships Sisters Songs Sparrows Stars Stones
        Storms Strangers Summers Swans Thieves Tigers Towers Trains Travelers Trees Umbrellas
        Voices Whispers Windows Wings Winters Wishes Wolves
    """),
    "head": _words("""
        Age Art Ballad Book City Color Country Daughter Diary Empire End Garden Ghost Gospel House
        Island Keeper King Kingdom Land Language Law Legend Map Memory Night Ocean Price Queen
        River Road Sea Season Shadow Song Sound Street Tale Taste Theory Valley Weight Winter
        World Year
    """),
    "notion": _words("""
        Ash Beauty Chance Courage Daylight Desire Destiny Dust Faith Fear Folly Forgiveness
        Fortune Freedom Glory Grace Gravity Happiness Honey Honor Hope Ice Innocence Iron Ivory
        Joy Justice Kindness Laughter Light Loneliness Love Loyalty Luck Memory Mercy Mischief
        Moonlight Music Nonsense Passion Patience Paradise Pride Rain Regret Revenge Rust Salt
        Silence Smoke Snow Solitude Sorrow Starlight Steel Summer Thunder Time Trouble Trust Truth
        Velvet Wisdom Wonder Yesterday
    """),
    "person": _words("""
        Accountant Actress Alchemist Apprentice Architect Artist Astronomer Baker Barber Beekeeper
        Bookseller Bride Butcher Captain Carpenter Cartographer Clockmaker Collector Conductor
        Cook Count Cousin Dancer Daughter Detective Diplomat Doctor Dreamer Duchess Emperor
        Engineer Exile Explorer Farmer Ferryman Fiddler Fisherman Forger Gambler Gardener General
        Ghost Governor Guest Hermit Hero Heiress Hunter Impostor Inspector Inventor Jester Judge
        Juggler King Knight Landlord Lawyer Librarian Lieutenant Lighthouse-Keeper Locksmith Lover
        Magician Messenger Musician Neighbor Nightwatchman Nurse Orphan Outlaw Painter Passenger
        Philosopher Photographer Pianist Pilgrim Pilot Pirate Poet Postman Prince Princess
        Professor Prophet Puppeteer Queen Rebel Sailor Scholar Schoolteacher Scout Sculptor
        Sheriff Shepherd Singer Sister Smuggler Soldier Spy Stranger Student Surgeon Swindler
        Tailor Teacher Thief Traveler Twin Uncle Understudy Ventriloquist Violinist Visitor Waiter
        Wanderer Watchmaker Weaver Widow Widower Writer
    """),
    "which": _words("""
        Eleventh Final First Last Missing Only Other Second Seventh Third Wrong
    """),
    "place": _words("""
        Attic Bakery Ballroom Canyon Castle Cathedral Cellar Circus City Corridor Cottage
        Courtyard Desert Elevator Embassy Factory Forest Fountain Garden Hallway Harbor Hotel
        House Jungle Kitchen Library Lighthouse Marsh Market Meadow Mine Monastery Mountains
        Museum Observatory Opera Orchard Palace Park Ruins Snow Square Stable Station Street
        Suburbs Theater Tower Tunnel Valley Village Vineyard Wilderness Woods
    """),
    "edge": _words("""
        Border Bridge Canyon Castle City Cliffs Desert Forest Frontier Garden Gate Harbor Hills
        Horizon Island Lake Lighthouse Meadow Mountains Orchard Palace Prairie River Road Ruins
        Sea Shore Stars Storm Tower Valley Village Wall Water Waves Wilderness Woods
    """),
    "season": _words("""
        April Autumn December January July June March November October September Spring Summer
        Winter
    """),
    "hour": _words("""
        Dawn Daybreak Dusk Midnight Nightfall Noon Sunrise Sunset Twilight
    """),
    "doing": _words("""
        Breaking Building Burning Burying Carrying Chasing Counting Drawing Escaping Finding
        Following Forgetting Guarding Hiding Holding Inventing Keeping Leaving Losing Loving
        Making Naming Opening Painting Reading Remembering Rescuing Saving Selling Sharing
        Stealing Trading Trusting Watching
    """),
    "does": _words("""
        Answer Awake Burn Dance Dream Fade Fall Gather Leave Listen Meet Remember Rest Return Rise
        Sing Sleep Speak Wait Wander Weep Whisper
    """),
    "where": _words("""
        Above Across Around Before Behind Below Beneath Beside Beyond Under
    """),
    "number": _words("""
        Two Three Four Five Six Seven Eight Nine Ten Twelve Twenty Forty
    """),
}  # fmt: skip

# How words begin that no title may contain. Add any that you never want to hear.
OFFENSIVE = _words("""
    anal anus arse ass asses asshole bastard bimbo bitch blowjob bollock boob booty boner bugger
    bukkake chink clit cock coon crap cum cunt dago dick dike dildo dyke ejaculat fag fellat fuck
    genital gook gypsy handjob hentai hoe homo hooker horny incest jerkoff jizz kike kinky lesbo
    masturbat milf molest motherf muff negro nigg nude nympho orgasm orgy paedo pedo penis piss
    porn prick pube pussy queer rape rapist retard scrotum semen sex shemale shit slag slut smut
    sodom spastic sperm spic strip suck swastika tart testic tit tits titties towelhead tranny
    turd twat vagina viagra vulva wank wetback whore wog
""")
# Harmless words with the same beginnings.
INNOCENT = frozenset(_words("""
    analog analogue analysis analyst analyze arsenal arsenic assassin assassination assassins
    assault assembly asset assignment assistant associate assumption cockatoo cockney cockneys
    cockpit cocktail cocktails crapshoot cumberland cummings cumulus dickens document hoedown hoek
    hoes homage home homecoming homeland homer homestead homeward homework muffin muffins peacock
    prickly pussycat pussycats raccoon scrap semblance sextant sextet sexton spice spices spicy
    stripe striped stripes stripling strippings suckling tartan tartar titan titanic titans tithe
    title titles titus
"""))  # fmt: skip
