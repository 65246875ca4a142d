"""The endpoint `/api/ingests`, which shows the progress of ingests to admins."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.access.middleware import INGESTS_FOR_ADMINS, check_admin
from api.contract.openapi.response_descriptions import NEVER_STORED, answer
from api.contract.responses.ingests import IngestFigures, Ingests, LeftOutAlbum
from api.contract.responses.job_serialization import iso_time
from api.health_report import redact
from api.lifespan import gateway_of
from api.routes.search_responses import JSON, NEVER_STORE
from api.routes.service import SERVICE_PROBLEMS
from api.routes.strict_route import StrictRoute
from common.ingest_reports.report import IngestReport, IngestState
from common.ingest_reports.store import TimedReport

router = APIRouter(tags=["service"], route_class=StrictRoute)


@router.get(
    "/api/ingests",
    summary="Show the progress of ingests",
    responses={
        200: answer(
            "The ingests that run, and the latest ingests that have ended.", Ingests, headers=NEVER_STORED
        ),
        **SERVICE_PROBLEMS,
    },
)
async def ingests(request: Request) -> Response:
    """Return the progress of running ingests, and the last reports of ended ingests.

    An admin key is required, unless the gateway has `AUTH=off`.
    """
    gateway = gateway_of(request)
    check_admin(request, gateway.settings, refusal=INGESTS_FOR_ADMINS)
    found = await gateway.ingest_reports.read()
    document = Ingests(time=iso_time(found.now_ms), ingests=[_figures(one) for one in found.reports])
    return Response(document.model_dump_json(), headers={"Cache-Control": NEVER_STORE}, media_type=JSON)


def _figures(found: TimedReport) -> IngestFigures:
    report = found.report
    by_reason = sorted(report.left_out_by_reason.items(), key=lambda item: (-item[1], item[0]))
    return IngestFigures(
        id=report.id,
        name=report.name,
        source=report.source,
        state=report.state.value,
        phase=report.phase.value,
        done=report.done,
        total=report.total,
        per_s=report.per_s,
        remaining_s=_remaining_s(report),
        started=iso_time(found.started_ms),
        reported=iso_time(found.reported_ms),
        elapsed_s=report.elapsed_s,
        added=report.added,
        changed=report.changed,
        unchanged=report.unchanged,
        deleted=report.deleted,
        left_out=sum(report.left_out_by_reason.values()),
        left_out_by_reason=dict(by_reason),
        first_left_out=[
            LeftOutAlbum(row=one.row, id=one.id, reason=one.reason, detail=redact(one.detail))
            for one in report.left_out
        ],
        error=None if report.error is None else redact(report.error),
    )


def _remaining_s(report: IngestReport) -> float | None:
    if report.state != IngestState.RUNNING or report.total is None or not report.per_s:
        return None
    return max(0, report.total - report.done) / report.per_s
