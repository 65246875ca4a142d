"""The names of all Redis keys and channels.

Keys on REDIS_URL (broker and ledger; this Redis must not evict keys):

    search                  list    Celery messages, one run id each
    _kombu.binding.*, _kombu.binding_permanent.*  kombu's records of the queues (no expiry)
    job:<id>                hash    one submitted job: its run, owner, query, times
    run:<id>                hash    one execution: state, attempts, lease, deadline, result
    run:<id>:jobs           set     the jobs that wait for the run
    flight:<key>            string  the run in flight for a query key
    image:<digest>          string  uploaded bytes, while a run needs them
    image:<digest>:refs     string  number of runs that need the image
    images                  zset    "<digest>:<bytes>" by expiry time
    images:bytes            string  total size of the stored images
    answered:<key>          string  the run that jobs answered from the cache share for a minute
    shared                  zset    "<id>:<bytes>" of jobs that share a run or a cached answer, by expiry time
    shared:bytes            string  total of the bytes in `shared`
    queued, running, deadlines   zsets of run ids by creation time, end of lease, deadline
    parked                  zset    runs that wait for their client's share of the decoders, by creation time
    parked:<client>         list    a client's parked runs, oldest first
    parked:<client>:ms      string  milliseconds of decoding that the client's parked runs need
    decoding:<client>       zset    "<run>:<ms>" of the client's runs that have been sent, by deadline
    decoding:<client>:ms    string  total of the milliseconds in `decoding:<client>`
    overrun:<client>        string  milliseconds by which an image took longer than estimated, for a minute
    workers                 zset    worker ids by the time their announcement expires
    worker:<id>             string  a worker's announcement, as JSON
    idempotency:<owner>:<k> string  the job that was submitted with an Idempotency-Key
    finished:<second>       string  number of runs that workers ended in that second
    service-rate            string  runs that the workers end per second under load
    bulk                    list    Celery messages of an ingest, one batch of covers each
    bulk:<batch>            string  the covers of a batch, until they are embedded
    bulk:<batch>:claim      string  exists while a worker embeds the batch
    bulk:<ingest>:replies   list    replies to an ingest's batches
    ingests                 zset    ids of ingests by the time of their last report
    ingest:<id>             string  the last report of an ingest, as JSON
    catalog:version         string  random token; replacing it invalidates every cached result (no expiry)
    catalog:model           string  fingerprint of the model that made the vectors (no expiry)
    catalog:preprocessing   string  preprocessing version of the most recently started worker (no expiry)
    nothing                 (never written) deleted by scripts that must write to a full Redis
    sweeping:2              string  exists until the next sweep by processes that read version 2 is due
    owned:<owner>           zset    unfinished jobs of an owner, by deadline
    api-keys                hash    API keys by id: name, role, rate, SHA-256 (no expiry)
    rate:<bucket>           hash    units spent in the current and the previous window of a rate limit
    metrics:<slot>          hash    counts of the requests that all gateways answered in ten seconds, by name
    metrics:latest          string  number of the latest slot with counts
    gateways                zset    gateway ids by the time their announcement expires
    gateway:<id>            hash    a gateway's announcement, and the number of its last batch of counts

<client> is the id of an API key, or address:<address>.

Runs whose queries have version 2 use separate keys, because processes of releases that read only version 1
must not find these runs: v2:search, v2:queued, v2:running and v2:parked:<client>.

Keys on CACHE_REDIS_URL (this Redis is allowed to evict keys):

    result:<key>            string  a result as JSON
    embedding:<model>:<h>   string  512 float32 of one text or image
    ranking:<key>           string  ids and similarities of the first albums of a search's ranking
"""

import re

#: The versions of queries that this release reads, in ascending order.
QUERY_VERSIONS = (1, 2)

_LUA_NAME = re.compile(r"\bK\.([A-Z_]+)\b")

QUEUE = "search"
BULK = "bulk"


def of_version(name: str, version: int) -> str:
    """Return the key for queries of a version; shared/queues_of_query_versions.lua has the same function."""
    return name if version == 1 else f"v{version}:{name}"


#: The queues of the searches, one for each version of queries.
SEARCH_QUEUES = tuple(of_version(QUEUE, version) for version in QUERY_VERSIONS)
#: Keys that kombu writes at each start of a worker, always with the same value; these keys never expire.
KOMBU_BINDINGS = frozenset(
    f"_kombu.{binding}.{queue}"
    for binding in ("binding", "binding_permanent")
    for queue in (*SEARCH_QUEUES, BULK)
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
OVERRUN = "overrun:"
RUNNING = "running"
DEADLINES = "deadlines"
WORKERS = "workers"
WORKER = "worker:"
IDEMPOTENCY = "idempotency:"
FINISHED = "finished:"
SERVICE_RATE = "service-rate"
INGESTS = "ingests"
INGEST = "ingest:"
CATALOG_VERSION = "catalog:version"
CATALOG_MODEL = "catalog:model"
CATALOG_PREPROCESSING = "catalog:preprocessing"
#: Processes that read different versions sweep independently, because older processes skip later versions.
SWEEPING = f"sweeping:{QUERY_VERSIONS[-1]}"
OWNED = "owned:"
API_KEYS = "api-keys"
RATE = "rate:"
METRICS = "metrics:"
METRICS_LATEST = "metrics:latest"
GATEWAYS = "gateways"
GATEWAY = "gateway:"
RESULT = "result:"
EMBEDDING = "embedding:"
RANKING = "ranking:"
#: A key that never exists. Scripts delete this key as their first write, because a full Redis allows the
#: further writes of a script that has already written.
NOTHING = "nothing"

#: Channel on which state changes are published. The message of a run is "<run id> <state>"; the state
#: "succeeded" is followed by a space, the timings, a line break and the result. If a job is canceled and
#: other jobs still wait for its run, the message is "job:<id> canceled".
EVENTS = "events"
#: Channel on which a new `catalog:version` is published.
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


def ranking(ranking_key: str) -> str:
    return RANKING + ranking_key


def idempotency(owner: str, key_hash: str) -> str:
    return f"{IDEMPOTENCY}{owner}:{key_hash}"


def with_names(script: str) -> str:
    """Replace each name such as `K.QUEUED` in a Lua script by the value of the constant `QUEUED`.

    A Lua table of the names would be built again in each call of the script.
    """
    return _LUA_NAME.sub(lambda found: f'"{globals()[found[1]]}"', script)
