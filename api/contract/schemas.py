"""The JSON schemas of what the gateway answers, each with an example."""

from typing import Any

from common.catalog.faults import REMEDIES
from common.jobs import JobState

Schema = dict[str, Any]

ALBUM_EXAMPLE: Schema = {
    "id": "585",
    "artist": "Pink Floyd",
    "album_name": "The Dark Side of the Moon",
    "genre": "Rock",
    "genres": ["Rock", "Experimental"],
    "release_year": 1973,
    "pitchfork_score": 10.0,
    "best_new_music": False,
    "cover_url": "https://example.com/covers/585.jpg",
}
TIMINGS_EXAMPLE: Schema = {"queue": 2.1, "decode": 0.0, "embed": 36.0, "search": 9.4, "total": 47.5}
JOB_ID_EXAMPLE = "9f2c4f6f0c0b4a8e9d3f1c7a5b6e8d10"
RESULT_EXAMPLE: Schema = {
    "job_id": JOB_ID_EXAMPLE,
    "success": True,
    "query_type": "text",
    "total_results": 1,
    "results": [{**ALBUM_EXAMPLE, "similarity": 0.2871}],
    "model": "openai/clip-vit-base-patch32",
    "timings_ms": TIMINGS_EXAMPLE,
}
QUERY_EXAMPLE: Schema = {
    "type": "text",
    "parts": [{"text": "dark ambient", "weight": 1.0}],
    "k": 1,
    "genre": [],
    "year_min": None,
    "year_max": None,
    "min_score": None,
    "best_new_music": False,
}
JOB_PATH_EXAMPLE = f"/api/jobs/{JOB_ID_EXAMPLE}"
JOB_EXAMPLE: Schema = {
    "id": JOB_ID_EXAMPLE,
    "status": "queued",
    "query": QUERY_EXAMPLE,
    "created_at": "2025-01-31T12:00:00.000Z",
    "started_at": None,
    "completed_at": None,
    "queue_position": 1,
    "timings_ms": None,
    "cached": False,
    "coalesced": False,
    "error": None,
    "result": None,
    "urls": {
        "get": JOB_PATH_EXAMPLE,
        "cancel": f"{JOB_PATH_EXAMPLE}/cancel",
        "events": f"{JOB_PATH_EXAMPLE}/events",
    },
}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def record(properties: Schema, **more: Any) -> Schema:
    """Return the schema of an object that always has all of its properties."""
    return {"type": "object", "properties": properties, "required": [*properties], **more}


def nullable(kind: str, **more: Any) -> Schema:
    return {"type": [kind, "null"], **more}


_ALBUM: Schema = {
    "id": {"type": "string"},
    "artist": {"type": "string"},
    "album_name": {"type": "string"},
    "genre": nullable("string", description="The first of `genres`."),
    "genres": {"type": "array", "items": {"type": "string"}},
    "release_year": nullable("integer"),
    "pitchfork_score": nullable("number"),
    "best_new_music": {"type": "boolean"},
    "cover_url": nullable("string"),
}
_MATCH: Schema = {
    **_ALBUM,
    "similarity": {"type": "number", "minimum": -1, "maximum": 1, "description": "Cosine with the query."},
}
_TIMINGS: Schema = record(
    {stage: {"type": "number", "minimum": 0} for stage in TIMINGS_EXAMPLE},
    description="Milliseconds of each stage; the first four add up to the total.",
)
_COUNT: Schema = {"type": "integer", "minimum": 0}
_CATALOG_PROBLEM: Schema = {
    "enum": [*REMEDIES],
    "description": "What is wrong with the catalog; only beside the code `catalog_misconfigured`.",
}
_FAILURE: Schema = record({"code": {"type": "string"}, "detail": {"type": "string"}})
_FAILURE["properties"]["problem"] = _CATALOG_PROBLEM

SCHEMAS: dict[str, Schema] = {
    "Album": record(_ALBUM, example=ALBUM_EXAMPLE),
    "Match": record(_MATCH, example=RESULT_EXAMPLE["results"][0]),
    "Timings": {**_TIMINGS, "example": TIMINGS_EXAMPLE},
    "Result": record(
        {
            "job_id": nullable("string", description="Null where the cache answered and no job was needed."),
            "success": {"const": True},
            "query_type": {"enum": ["image", "text", "composed", "album"]},
            "total_results": _COUNT,
            "results": {"type": "array", "items": ref("Match")},
            "model": {"type": "string"},
            "timings_ms": ref("Timings"),
        },
        example=RESULT_EXAMPLE,
    ),
    "Job": record(
        {
            "id": {"type": "string"},
            "status": {"enum": [state.value for state in JobState]},
            "query": {"type": "object"},
            "created_at": {"type": "string", "format": "date-time"},
            "started_at": nullable("string", format="date-time"),
            "completed_at": nullable("string", format="date-time"),
            "queue_position": nullable("integer", minimum=1, description="1 is the next to be taken."),
            "timings_ms": {"anyOf": [ref("Timings"), {"type": "null"}]},
            "cached": {"type": "boolean"},
            "coalesced": {"type": "boolean", "description": "It shares the run of an identical query."},
            "error": {
                "anyOf": [
                    _FAILURE,
                    {"type": "null"},
                ]
            },
            "result": {"anyOf": [ref("Result"), {"type": "null"}]},
            "urls": record({name: {"type": "string"} for name in ("get", "cancel", "events")}),
        },
        example=JOB_EXAMPLE,
    ),
    "Genres": record(
        {
            "success": {"const": True},
            "total_genres": _COUNT,
            "genres": {"type": "array", "items": {"type": "string"}},
        },
        example={"success": True, "total_genres": 2, "genres": ["Electronic", "Rock"]},
    ),
    "Stats": record(
        {
            "total_albums": _COUNT,
            "top_genres": {
                "type": "array",
                "items": record({"genre": {"type": "string"}, "count": _COUNT}),
            },
            "year_range": record({"min": nullable("integer"), "max": nullable("integer")}),
            "pitchfork_scores": record(
                {
                    "average": nullable("number"),
                    "min": nullable("number"),
                    "max": nullable("number"),
                    "best_new_music_count": _COUNT,
                }
            ),
        },
        example={
            "total_albums": 15000,
            "top_genres": [{"genre": "Rock", "count": 4500}],
            "year_range": {"min": 1967, "max": 2024},
            "pitchfork_scores": {"average": 7.2, "min": 0.0, "max": 10.0, "best_new_music_count": 1200},
        },
    ),
    "Health": record(
        {
            "status": {"enum": ["healthy", "degraded", "unhealthy"]},
            "models_loaded": record({"clip": {"type": "boolean"}, "supabase": {"type": "boolean"}}),
            "total_albums": _COUNT,
            "workers": {**_COUNT, "description": "Live workers that hold a loaded model."},
            "queue_depth": _COUNT,
            "model": nullable("string"),
            "problems": {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "description": "What is wrong, by part: `queue`, `catalog`, `worker`.",
            },
        },
        example={
            "status": "healthy",
            "models_loaded": {"clip": True, "supabase": True},
            "total_albums": 15000,
            "workers": 2,
            "queue_depth": 0,
            "model": "openai/clip-vit-base-patch32",
            "problems": {},
        },
    ),
    "Readiness": record(
        {
            "ready": {"type": "boolean"},
            "problems": {"type": "object", "additionalProperties": {"type": "string"}},
        },
        example={"ready": False, "problems": {"worker": "no worker is alive"}},
    ),
    "Liveness": record({"alive": {"const": True}}, example={"alive": True}),
    "Service": record(
        {
            "service": {"type": "string"},
            "version": {"type": "string"},
            "endpoints": {"type": "object", "additionalProperties": {"type": "string"}},
            "links": {"type": "object", "additionalProperties": {"type": "string"}},
        },
        example={
            "service": "cover-search",
            "version": "0.1.0",
            "endpoints": {"GET /health": "Whether the service can do its work"},
            "links": {"docs": "/docs", "openapi": "/openapi.json"},
        },
    ),
    "Problem": {
        **record(
            {
                "type": {"type": "string"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string"},
                "code": {"type": "string"},
                "request_id": nullable("string"),
            }
        ),
        "description": "RFC 9457; `code` is stable, `errors` names parameters, `problem` a catalog's fault.",
    },
}
SCHEMAS["Problem"]["properties"]["errors"] = {
    "type": "array",
    "items": record({"parameter": {"type": "string"}, "detail": {"type": "string"}}),
}
SCHEMAS["Problem"]["properties"]["problem"] = _CATALOG_PROBLEM
