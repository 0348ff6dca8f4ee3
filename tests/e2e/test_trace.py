"""One letter, one picture: spans over OTLP, from submission to the remote server, linked, with the tracking number."""

from __future__ import annotations

from tests.e2e import town as towns

ROAD = {
    ("yubin-submission", "submission.transaction"),
    ("yubin-submission", "ledger.accept"),
    ("yubin-submission", "dispatch.publish"),
    ("yubin-delivery", "delivery.fresh"),
    ("yubin-delivery", "ledger.claim"),
    ("yubin-resolver", "Resolver.Route"),
    ("yubin-delivery", "smtp.transaction"),
}


def test_a_letter_is_followed_through_every_pod(otlp, tmp_path):
    """Reception is one trace; the attempt is a trace of its own, linked to it; both name the tracking number."""
    config = f'otlp_endpoint = "{otlp.endpoint}"\ntrace_ratio = 1.0\n'
    with towns.town(tmp_path / "state", config) as town:
        number = town.send("friend@accepts.example", "--header", "Subject: traced")

        def of_letter(spans):
            return [s for s in spans if s.attributes.get("yubin.message") == number]

        def whole(spans):
            traces = {m.trace_id for m in of_letter(spans)}
            return {(s.service, s.name) for s in spans if s.trace_id in traces} >= ROAD

        otlp.wait_for(whole)
    spans = otlp.spans()  # what a stopping pod still held has come as well
    traces = {s.trace_id for s in of_letter(spans)}
    mine = [s for s in spans if s.trace_id in traces]
    reception = {s.trace_id for s in mine if s.service == "yubin-submission"}
    attempts = {s.trace_id for s in mine if s.service == "yubin-delivery"}
    assert len(reception) == 1
    assert attempts
    assert not reception & attempts
    roots = [s for s in mine if s.service == "yubin-delivery" and not s.parent_id]
    assert all(set(root.links) == reception for root in roots)
    assert {s.service for s in mine} >= {"yubin-submission", "yubin-delivery", "yubin-resolver"}
    ids = {s.span_id for s in mine}
    assert [s for s in mine if s.parent_id and s.parent_id not in ids] == []
