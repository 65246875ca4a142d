"""Every Redis key and channel of the system, in one place.

On REDIS_URL (broker and ledger; must not evict):

    search                  list    Celery messages, one run id each
    _kombu.binding.*, _kombu.binding_permanent.*  kombu's names of the two queues (kept)
    job:<id>                hash    one submit: its run, owner, query, times
    run:<id>                hash    one execution: state, attempts, lease, deadline, result
    run:<id>:jobs           set     the jobs that wait for the run
    flight:<key>            string  the run in flight for a query key
    image:<digest>          string  uploaded bytes, while a run needs them
    image:<digest>:refs     string  how many runs need them
    images                  zset    "<digest>:<bytes>" by the time they expire
    images:bytes            string  sum of the bytes held
    answered:<key>          string  the run that jobs answered by the cache share for a minute
    shared                  zset    "<id>:<bytes>" of jobs without a run of their own, and their results
    shared:bytes            string  sum of those bytes
    queued, running, deadlines   zsets of run ids by time of creation, end of lease, deadline
    parked                  zset    runs whose client has not the turn at the decoders, by time of creation
    parked:<client>         list    those of one client (an API key's id, or address:<address>), next first
    parked:<client>:ms      string  milliseconds that decoding their images takes
    decoding:<client>       zset    "<run>:<ms>" of the client's runs that have been sent, by their deadlines
    decoding:<client>:ms    string  sum of those milliseconds
    workers                 zset    worker ids by the time their announcement expires
    worker:<id>             string  what a worker announces of itself
    idempotency:<owner>:<k> string  the job a client's Idempotency-Key stands for
    finished:<second>       string  runs that workers brought to their end in that second
    service-rate            string  how many that is a second while there is enough to do
    bulk                    list    Celery messages, one batch of covers each: an ingest on the workers
    bulk:<batch>            string  the covers of a batch, until they are embedded
    bulk:<batch>:claim      string  a worker has the batch in hand
    bulk:<ingest>:replies   list    what became of an ingest's batches
    catalog:version         string  random; whoever replaces it retires every cached result (kept)
    catalog:model           string  fingerprint of the model that made the vectors (kept)
    catalog:preprocessing   string  version of the preprocessing of the workers that started last (kept)
    nothing                 (never written) what a script names to go on in a full Redis
    sweeping                string  held by the process that sweeps
    owned:<owner>           zset    jobs of a key that have not ended, by their deadlines
    api-keys                hash    API keys by id: name, role, rate, SHA-256 (kept)
    rate:<bucket>           hash    units spent in the current and the previous window of a rate limit

On CACHE_REDIS_URL (may evict):

    result:<key>            string  finished JSON of a result
    embedding:<model>:<h>   string  512 float32 of one text or image
"""

QUEUE = "search"
BULK = "bulk"
#: Written by each worker that starts, the same each time; with the catalog's, all that never expires.
KOMBU_BINDINGS = frozenset(
    f"_kombu.{binding}.{queue}" for binding in ("binding", "binding_permanent") for queue in (QUEUE, BULK)
)

JOB = "job:"
RUN = "run:"
RUN_JOBS_SUFFIX = ":jobs"
FLIGHT = "flight:"
IMAGE = "image:"
IMAGE_REFS_SUFFIX = ":refs"
IMAGES = "images"
IMAGES_BYTES = "images:bytes"
ANSWERED = "answered:"
SHARED = "shared"
SHARED_BYTES = "shared:bytes"
QUEUED = "queued"
PARKED = "parked"
PARKED_OF = "parked:"
PARKED_SUM_SUFFIX = ":ms"
DECODING = "decoding:"
DECODING_SUM_SUFFIX = ":ms"
RUNNING = "running"
DEADLINES = "deadlines"
WORKERS = "workers"
WORKER = "worker:"
IDEMPOTENCY = "idempotency:"
FINISHED = "finished:"
SERVICE_RATE = "service-rate"
CATALOG_VERSION = "catalog:version"
CATALOG_MODEL = "catalog:model"
CATALOG_PREPROCESSING = "catalog:preprocessing"
SWEEPING = "sweeping"
OWNED = "owned:"
API_KEYS = "api-keys"
RATE = "rate:"
RESULT = "result:"
EMBEDDING = "embedding:"
#: Never written; scripts delete it to have written something.
NOTHING = "nothing"

#: Channel on which every change of a run's state is told, as "<run id> <state>", with a space, the timings, a
#: line break and the result behind "succeeded"; and of a job that is called off while others share its run,
#: as "job:<id> canceled".
EVENTS = "events"
#: Channel on which a new `catalog:version` is told.
CATALOG_EVENTS = "catalog"


def image(digest: str) -> str:
    return IMAGE + digest


def bulk(batch_id: str) -> str:
    return f"{BULK}:{batch_id}"


def bulk_claim(batch_id: str) -> str:
    return f"{BULK}:{batch_id}:claim"


def bulk_replies(ingest_id: str) -> str:
    return f"{BULK}:{ingest_id}:replies"


def worker(worker_id: str) -> str:
    return WORKER + worker_id


def result(query_key: str) -> str:
    return RESULT + query_key


def embedding(model: str, content_hash: str) -> str:
    return f"{EMBEDDING}{model}:{content_hash}"


def idempotency(owner: str, key_hash: str) -> str:
    return f"{IDEMPOTENCY}{owner}:{key_hash}"


def lua_table() -> str:
    """Return the names above as a Lua table `K`, so that the scripts spell none of them."""
    names = {name: value for name, value in globals().items() if name.isupper() and isinstance(value, str)}
    return "local K = {" + ", ".join(f'{name} = "{value}"' for name, value in names.items()) + "}\n"
