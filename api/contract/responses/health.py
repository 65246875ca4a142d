"""Models of the responses about the service's health, and of the response of `GET /`."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from api.contract.responses.shared_schema import Count, with_example

HEALTH_EXAMPLE: dict[str, Any] = {
    "status": "healthy",
    "models_loaded": {"clip": True, "supabase": True},
    "total_albums": 15000,
    "workers": 2,
    "queue_depth": 0,
    "model": "openai/clip-vit-base-patch32",
    "problems": {},
}

Problems = Annotated[
    dict[str, str], Field(description="What is wrong, by part: `queue`, `catalog` or `worker`.")
]


class ModelsLoaded(BaseModel):
    """`clip` tells whether a live worker has loaded its model, `supabase` whether the catalog answers."""

    model_config = with_example(HEALTH_EXAMPLE["models_loaded"])

    clip: bool
    supabase: bool


class Health(BaseModel):
    """The state of the queue, the workers and the catalog."""

    model_config = with_example(HEALTH_EXAMPLE)

    status: Literal["healthy", "degraded", "unhealthy"]
    models_loaded: ModelsLoaded
    total_albums: Count
    workers: Annotated[int, Field(ge=0, description="Live workers with a loaded model.")]
    queue_depth: Count
    model: str | None
    problems: Problems


class Readiness(BaseModel):
    """Whether searches can be answered."""

    model_config = with_example({"ready": False, "problems": {"worker": "no worker is alive"}})

    ready: bool
    problems: Problems


class Liveness(BaseModel):
    """The process is alive."""

    model_config = with_example({"alive": True})

    alive: Literal[True] = True


class Service(BaseModel):
    """The service's name, version, endpoints and links."""

    model_config = with_example(
        {
            "service": "cover-search",
            "version": "0.2.0",
            "endpoints": {"GET /health": "Whether the service can do its work"},
            "links": {"docs": "/docs", "openapi": "/openapi.json", "app": "/app/"},
        }
    )

    service: Literal["cover-search"] = "cover-search"
    version: str
    endpoints: dict[str, str]
    links: dict[str, str]
