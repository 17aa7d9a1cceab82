"""Every limit that more than one part relies on, each defined once.

AWS IoT Core's own limits are in its quotas page ("AWS IoT Core endpoints and quotas"): 128 KB a
message and 100 publishes a second a connection. Emulators enforce neither.
"""

MAX_PAYLOAD_BYTES = 100_000
MAX_PUBLISHES_PER_SECOND = 100

MAX_BATCH_RECORDS = 200
MAX_VERIFICATION_ROWS = 200

# Of each of a slate's directors, years and genre sets: so a slate of 36 fits whatever its shape.
MAX_SLATE_ENTRIES = 36
# A device keeps this many corrections of one rating; each is a record that's sent and stored.
MAX_CORRECTIONS = 20
# What programs that count in floating point still tell apart.
MAX_SEQUENCE_NUMBER = 2**53 - 1
MAX_STACK_NAME = 40
# The device's clock and the name of its boot are information only, so they are kept as they came.
MAX_TIME_TEXT = 64
MAX_BOOT_ID = 64

# What the appliance may take of a 1 GB Pi's memory: MemoryHigh of its unit (a test holds them
# equal). At most two models are in memory, the active one and the one that is being tried.
MEMORY_BUDGET_BYTES = 640 * 1024 * 1024
# A process without a model, and what each byte of a bundle takes once it's loaded and searched, as
# measured at 100,000 directors (docs/performance.md#size). MAX_BUNDLE_BYTES follows from them.
PROCESS_BYTES = 75 * 1024 * 1024
RESIDENT_PER_BUNDLE_BYTE = 4.5
TRIAL_MEMORY_BYTES = 500_000_000

MAX_MANIFEST_BYTES = 256 * 1024
MAX_MODEL_BYTES = 44 * 1024 * 1024
# A device reads all of it for each person who views it.
MAX_REPORT_BYTES = 4 * 1024 * 1024
MAX_BUNDLE_FILE_BYTES = 20 * 1024 * 1024
MAX_BUNDLE_BYTES = 54 * 1024 * 1024
MAX_BUNDLE_FILES = 16

# A signed version near the largest integer would be the last one a device ever accepts. So a
# release may skip at most this many versions; weekly releases take 190 years to use them up.
MAX_MODEL_VERSION = 1_000_000
MAX_VERSION_JUMP = 10_000

# AWS refuses a named shadow's state above 8 KB.
MAX_SHADOW_BYTES = 8 * 1024

# Before this no device of ours existed: a clock that shows less has not been set.
EARLIEST_CLOCK_YEAR = 2024

# What a release keeps for the ML endpoint, as a file and in memory.
MAX_ARRAYS_BYTES = 128 * 1024 * 1024
MAX_UNPACKED_ARRAYS_BYTES = 256 * 1024 * 1024

# scikit-learn's model differs from the graph by the tables' rounding only.
ROUNDING_TOLERANCE = 1e-3
YEARS_PAST_TRAINING = 10
