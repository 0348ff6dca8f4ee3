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


def test_a_letter_is_followed_from_the_door_to_its_reader(otlp, tmp_path):
    """In by port 25, out by POP3: mx, directory and mailbox are one trace; the reader's RETR is another, linked to it."""
    config = f'otlp_endpoint = "{otlp.endpoint}"\ntrace_ratio = 1.0\n'
    with towns.town(tmp_path / "state", config) as town:
        town.outside("bob@demo.example", "--header", "Subject: traced")
        town.received("bob", b"Subject: traced")

        def arrival(spans):
            return {s.trace_id for s in spans if s.name == "mailbox.deliver"}

        def whole(spans):
            return any(set(s.links) & arrival(spans) for s in spans if s.service == "yubin-mailbox")

        otlp.wait_for(whole)
    spans = otlp.spans()
    (reception,) = arrival(spans)
    road = {(s.service, s.name) for s in spans if s.trace_id == reception}
    assert road >= {
        ("yubin-mx", "mx.transaction"),
        ("yubin-directory", "Directory.Lookup"),
        ("yubin-mailbox", "mailbox.deliver"),
    }
    reading = {s.trace_id for s in spans if reception in s.links and s.service == "yubin-mailbox"}
    assert reading
    assert ("yubin-gateway", "gateway.pop3.RETR") in {
        (s.service, s.name) for s in spans if s.trace_id in reading
    }
