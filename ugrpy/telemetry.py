"""What is measured, and under which name?

One table. The exporter builds its instruments from it, ``docs/reference/metrics.md`` is written from it
(``python -m ugrpy.telemetry``), and a test holds the page to it. Names follow the Prometheus conventions: base units,
``_total`` for what only grows. Every label has few values by construction; a path or an address is never a label.
"""

from ugrpy.core import metric
from ugrpy.core.metric import LATENCY_BUCKETS_S, Label, Metric, MetricKind
from ugrpy.core.service_metrics import service_metrics

SERVICE = service_metrics(
    "ugrpy",
    (
        "GET",
        "HEAD",
        "OPTIONS",
        "PROPFIND",
        "PUT",
        "DELETE",
        "MKCOL",
        "MOVE",
        "COPY",
        "PROPPATCH",
        "POST",
    ),
)
REQUESTS = SERVICE.requests
REQUEST_SECONDS = SERVICE.request_seconds
INFLIGHT_REQUESTS = SERVICE.inflight_requests
CLIENT_FAULTS = SERVICE.client_faults
BACKGROUND_FAILURES = SERVICE.background_failures

_ENDPOINT = Label("endpoint", "name of the endpoint in the configuration")
_VERB = Label("verb", "what the endpoint was asked", ("stat", "list"))
_OBSERVATION = Label(
    "outcome", "which of the four answers it gave", ("found", "absent", "denied", "unknown")
)
_CACHE = Label("cache", "what is remembered: single names or whole listings", ("entry", "listing"))
_ABOUT = Label("about", "what the replicas disagree on", ("kind", "size", "checksum"))
_LOOKUP = Label(
    "outcome",
    "stale: held, but not enough for this question, or an endpoint is back that had no say",
    ("hit", "stale", "miss"),
)
CACHE_LOOKUPS = Metric(
    "ugrpy_cache_lookups_total",
    MetricKind.COUNTER,
    "look-ups",
    "Cache look-ups.",
    (_CACHE, _LOOKUP),
)
CACHE_ITEMS = Metric(
    "ugrpy_cache_items",
    MetricKind.GAUGE,
    "items",
    "Names and listings held in the cache of the worker that showed its metrics last.",
    (_CACHE,),
)
CACHE_BYTES = Metric(
    "ugrpy_cache_bytes",
    MetricKind.GAUGE,
    "bytes",
    "What the names take, by estimate, in the cache of the worker that showed its metrics last.",
)
CACHE_UNPACKED = Metric(
    "ugrpy_cache_unpacked_total",
    MetricKind.COUNTER,
    "look-ups",
    "Names that were looked up among those held packed, because nobody had asked for them lately.",
)
CACHE_EVICTED = Metric(
    "ugrpy_cache_evicted_total",
    MetricKind.COUNTER,
    "items",
    "Names and listings that went for want of room.",
    (_CACHE,),
)
CACHE_AHEAD = Metric(
    "ugrpy_cache_asked_ahead_total",
    MetricKind.COUNTER,
    "questions",
    "Names in use that were asked for anew before their time was over.",
)
CACHE_LAST_KNOWN = Metric(
    "ugrpy_cache_last_known_total",
    MetricKind.COUNTER,
    "answers",
    "Answers from what was known last, because no endpoint could say.",
    (_CACHE,),
)
ENDPOINT_ASKS = Metric(
    "ugrpy_endpoint_asks_total",
    MetricKind.COUNTER,
    "questions",
    "Questions put to an endpoint, by what it answered; health probes are not counted.",
    (_ENDPOINT, _VERB, _OBSERVATION),
)
ENDPOINT_SECONDS = Metric(
    "ugrpy_endpoint_seconds",
    MetricKind.HISTOGRAM,
    "seconds",
    "Time an endpoint took for its final word on a question.",
    (_ENDPOINT,),
    buckets=LATENCY_BUCKETS_S,
)
CALENDAR_READS = Metric(
    "ugrpy_downtime_calendar_reads_total",
    MetricKind.COUNTER,
    "reads",
    "Looks at calendars of downtimes; while they fail, what was said last goes on to count.",
    (
        Label("feed", "name of the calendar in the configuration"),
        Label("outcome", "unchanged: it was not sent again", ("read", "unchanged", "failed")),
    ),
)
ENDPOINT_STATE = Metric(
    "ugrpy_endpoint_state",
    MetricKind.GAUGE,
    "0 or 1",
    "1 for the state that the endpoint is in; with several workers, for each state that one of them sees it in.",
    (
        _ENDPOINT,
        Label(
            "state",
            "see the endpoints' page of the admin listener",
            ("in_service", "refusing", "ejected", "trial", "drained", "disabled", "downtime"),
        ),
    ),
    over_workers="max",
)
ENDPOINT_IN_SERVICE = Metric(
    "ugrpy_endpoint_in_service",
    MetricKind.GAUGE,
    "0 or 1",
    "1 while the endpoint is asked and redirected to, 0 while it is out of service; with several workers, 0 as soon as one of them sees it so.",
    (_ENDPOINT,),
    over_workers="min",
)
REDIRECTS = Metric(
    "ugrpy_redirects_total",
    MetricKind.COUNTER,
    "redirects",
    "Clients sent to an endpoint.",
    (_ENDPOINT,),
)
EARLY_ANSWERS = Metric(
    "ugrpy_fanout_early_answers_total",
    MetricKind.COUNTER,
    "answers",
    "Answers given although an endpoint that could have improved them was still silent.",
)
SECOND_ASKS = Metric(
    "ugrpy_second_asks_total",
    MetricKind.COUNTER,
    "questions",
    "Questions that an endpoint was late to answer, that nobody else could answer, and that were worth putting to it a second time.",
    (
        _ENDPOINT,
        Label(
            "outcome",
            "won: the second one was answered first; lost: the first one was, or nobody wanted to know any more; failed: no usable answer; "
            "withheld: not put, since the endpoint was not well, had no connection free, or had been asked twice often enough",
            ("won", "lost", "failed", "withheld"),
        ),
    ),
)
STREAMED_BYTES = Metric(
    "ugrpy_streamed_bytes_total",
    MetricKind.COUNTER,
    "bytes",
    "Bytes of files that went through the gateway, for clients that are not redirected.",
    (_ENDPOINT, Label("direction", "from the endpoint, or to it", ("read", "write"))),
)
STREAM_FAILOVERS = Metric(
    "ugrpy_stream_failovers_total",
    MetricKind.COUNTER,
    "changes",
    "Times that a file read through the gateway was read on at another replica.",
)
STREAMS_REFUSED = Metric(
    "ugrpy_streams_refused_total",
    MetricKind.COUNTER,
    "requests",
    "Transfers that should have gone through the gateway, and were refused since there were too many already.",
)
ABSENT_WITH_MISSING = Metric(
    "ugrpy_absent_with_missing_total",
    MetricKind.COUNTER,
    "answers",
    "404s given while an endpoint that covers the name was out of service.",
)
PARTIAL_LISTINGS = Metric(
    "ugrpy_partial_listings_total",
    MetricKind.COUNTER,
    "listings",
    "Listings answered without the word of every endpoint that covers the collection.",
)
CLASHES = Metric(
    "ugrpy_clashes_total",
    MetricKind.COUNTER,
    "names",
    "Names asked for or listed whose replicas disagree; the outvoted ones are not offered.",
    (_ABOUT,),
)
GEO_FAILURES = Metric(
    "ugrpy_geoip_reload_failures_total",
    MetricKind.COUNTER,
    "files",
    "New GeoIP databases that could not be used; the old ones stayed.",
)
CHECKSUMS = Metric(
    "ugrpy_checksums_total",
    MetricKind.COUNTER,
    "requests",
    "Requests for the checksum of a file, by who told it.",
    (
        Label(
            "source",
            "known: it was remembered; storage, command, computed: by whom it was found out; none: by nobody",
            ("known", "storage", "command", "computed", "none"),
        ),
    ),
)
_CHANGE = Label(
    "change",
    "what was asked for",
    ("upload", "delete", "mkcol", "move", "copy"),
)
_CHANGE_OUTCOME = Label(
    "outcome",
    "done; refused before anything was done; partly: done on some storage elements only; failed: on none",
    ("done", "refused", "partly", "failed"),
)
CHANGES = Metric(
    "ugrpy_changes_total",
    MetricKind.COUNTER,
    "changes",
    "Changes that clients asked for; of an upload, that a place was found for it.",
    (_CHANGE, _CHANGE_OUTCOME),
)
UPLOADS = Metric(
    "ugrpy_uploads_total",
    MetricKind.COUNTER,
    "uploads",
    "Uploads that were followed to their end: seen complete, broken off, or never begun.",
    (Label("outcome", "how it ended", ("complete", "broken", "nothing came")),),
)
REMOVALS = Metric(
    "ugrpy_removals_total",
    MetricKind.COUNTER,
    "copies",
    "Copies that had to go later, by what became of them: taken away, gone by themselves, left alone because they had changed, or given up.",
    (Label("outcome", "what became of it", ("deleted", "gone", "changed", "expired")),),
)
CHANGES_PENDING = Metric(
    "ugrpy_changes_pending",
    MetricKind.GAUGE,
    "names",
    "Uploads not seen complete yet, copies that must still go, and operations to be completed.",
    (Label("what", "which kind", ("upload", "removal", "operation")),),
    over_workers="max",
)
ENDPOINT_FREE_BYTES = Metric(
    "ugrpy_endpoint_free_bytes",
    MetricKind.GAUGE,
    "bytes",
    "Room at an endpoint that takes uploads, less what is on its way there; -1 while it is not known.",
    (_ENDPOINT,),
    over_workers="min",
)

ADMISSION_OUTCOMES = ("at once", "waited", "full", "network_full", "too_long", "rate", "pages")
ADMISSIONS = Metric(
    "ugrpy_admissions_total",
    MetricKind.COUNTER,
    "requests",
    "Requests that need endpoints, by how they were let in; redirects of remembered names are not counted.",
    (
        Label(
            "outcome",
            "at once; waited for a turn; or answered 429 by this limit",
            ADMISSION_OUTCOMES,
        ),
    ),
)
QUEUE_SECONDS = Metric(
    "ugrpy_queue_seconds",
    MetricKind.HISTOGRAM,
    "seconds",
    "Time that requests waited for their turn, those left out that did not have to.",
    buckets=LATENCY_BUCKETS_S,
)
REQUESTS_AT_WORK = Metric(
    "ugrpy_requests_at_work",
    MetricKind.GAUGE,
    "requests",
    "Requests for which endpoints are at work, and those that wait for their turn.",
    (Label("state", "which of the two", ("at work", "waiting")),),
)
ENDPOINT_HELD_BACK = Metric(
    "ugrpy_endpoint_held_back_total",
    MetricKind.COUNTER,
    "questions",
    "Questions that were not put to an endpoint, since enough waited for it already; they say nothing of its health.",
    (_ENDPOINT,),
)
ENDPOINT_TURNS = Metric(
    "ugrpy_endpoint_turns",
    MetricKind.GAUGE,
    "questions",
    "Questions that an endpoint is being asked, and those that wait to be put to it.",
    (_ENDPOINT, Label("state", "which of the two", ("at work", "waiting"))),
)
FLIGHTS = Metric(
    "ugrpy_flights_recorded_total",
    MetricKind.COUNTER,
    "decisions",
    "Decisions that the flight recorder has written down.",
)
FLIGHTS_LOST = Metric(
    "ugrpy_flights_lost_total",
    MetricKind.COUNTER,
    "decisions",
    "Decisions that the flight recorder could not write down.",
    (
        Label(
            "reason",
            "waiting: too many were waiting for a slow disk; disk: it refused them",
            ("waiting", "disk"),
        ),
    ),
)

_DIRECTION = Label(
    "direction",
    "seen from here: push to another server, or pull from one",
    ("push", "pull"),
)
COPIES = Metric(
    "ugrpy_third_party_copies_total",
    MetricKind.COUNTER,
    "copies",
    "Third-party copies that clients asked for.",
    (
        _DIRECTION,
        Label(
            "by",
            "who carried it out: a storage element that the client was sent to, this gateway, a script, or nobody",
            ("redirected", "streamed", "script", "nobody"),
        ),
        Label(
            "outcome",
            "sent on: the storage element tells the client how it ended; left: the client did, and the copy was stopped",
            ("sent on", "done", "failed", "left", "refused"),
        ),
    ),
)
COPIED_BYTES = Metric(
    "ugrpy_third_party_copied_bytes_total",
    MetricKind.COUNTER,
    "bytes",
    "Bytes of third-party copies that passed through this gateway or a script.",
    (_DIRECTION,),
)

_STORE = Label("store", "the shared store, as its address is configured, without passwords")
SHARED_LOOKUPS = Metric(
    "ugrpy_shared_lookups_total",
    MetricKind.COUNTER,
    "look-ups",
    "Look-ups in the store that gateways share.",
    (
        _CACHE,
        Label(
            "outcome",
            "outdated: the name has been changed since; garbage: nothing that can be read; distrusted: somebody who takes changes is silent; away: no answer",
            ("hit", "miss", "outdated", "garbage", "distrusted", "away"),
        ),
    ),
)
SHARED_FAILURES = Metric(
    "ugrpy_shared_failures_total",
    MetricKind.COUNTER,
    "operations",
    "Operations of the shared store that came to nothing: failed, or skipped because it had failed a moment before.",
    (_STORE, Label("how", "failed or skipped", ("failed", "skipped"))),
)
SHARED_AWAY = Metric(
    "ugrpy_shared_away",
    MetricKind.GAUGE,
    "0 or 1",
    "1 while the shared store gives no usable answers to at least one worker.",
    (_STORE,),
    over_workers="max",
)
SHARED_OWED = Metric(
    "ugrpy_shared_owed",
    MetricKind.GAUGE,
    "numbers",
    "Changes of names that the shared store has not taken yet, by the parts of the namespace that they lie in.",
    (_STORE,),
)
SHARED_MEMBERS = Metric(
    "ugrpy_shared_members",
    MetricKind.GAUGE,
    "processes",
    "Other processes that take changes, as seen in the shared store; while one is silent nothing older than a lease is believed.",
    (_STORE, Label("state", "showing that they owe nothing, or silent", ("showing", "silent"))),
    over_workers="max",
)
SHARED_FORGOTTEN = Metric(
    "ugrpy_shared_forgotten_total",
    MetricKind.COUNTER,
    "processes",
    "Processes that take changes and were silent for so long that they are not waited for any more.",
    (_STORE,),
)

METRICS = (
    REQUESTS,
    REQUEST_SECONDS,
    INFLIGHT_REQUESTS,
    CACHE_LOOKUPS,
    CACHE_ITEMS,
    CACHE_BYTES,
    CACHE_UNPACKED,
    CACHE_EVICTED,
    CACHE_AHEAD,
    CACHE_LAST_KNOWN,
    ENDPOINT_ASKS,
    ENDPOINT_SECONDS,
    ENDPOINT_IN_SERVICE,
    ENDPOINT_STATE,
    CALENDAR_READS,
    REDIRECTS,
    STREAMED_BYTES,
    STREAM_FAILOVERS,
    STREAMS_REFUSED,
    ADMISSIONS,
    QUEUE_SECONDS,
    REQUESTS_AT_WORK,
    ENDPOINT_TURNS,
    ENDPOINT_HELD_BACK,
    EARLY_ANSWERS,
    SECOND_ASKS,
    ABSENT_WITH_MISSING,
    PARTIAL_LISTINGS,
    CLASHES,
    CHECKSUMS,
    GEO_FAILURES,
    CHANGES,
    UPLOADS,
    REMOVALS,
    CHANGES_PENDING,
    ENDPOINT_FREE_BYTES,
    COPIES,
    COPIED_BYTES,
    FLIGHTS,
    FLIGHTS_LOST,
    SHARED_LOOKUPS,
    SHARED_FAILURES,
    SHARED_AWAY,
    SHARED_OWED,
    SHARED_MEMBERS,
    SHARED_FORGOTTEN,
    CLIENT_FAULTS,
    BACKGROUND_FAILURES,
)


def render_reference() -> str:
    """The reference page, as Markdown."""
    return metric.render_reference(METRICS, "ugrpy.telemetry")


if __name__ == "__main__":
    print(render_reference(), end="")  # noqa: T201 - the page is this command's output
