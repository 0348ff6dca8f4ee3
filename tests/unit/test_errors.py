from __future__ import annotations

import grpc
import pytest

from yubin import errors
from yubin.database.failures import CommitUnknown
from yubin.runtime.trailer import failure_of, trailer


@pytest.mark.parametrize("kind", errors.KINDS.values(), ids=lambda k: k.__name__)
def test_every_failure_has_each_face(kind):
    """SMTP, gRPC and HTTP faces agree on whether trying again helps (RFC 3463 2)."""
    failure = kind("no\r\n luck")
    assert failure.text == "no luck"
    assert str(failure.code)[0] == failure.enhanced[0]
    assert failure.grpc in grpc.StatusCode.__members__
    assert 400 <= failure.http < 600


@pytest.mark.parametrize("kind", errors.KINDS.values(), ids=lambda k: k.__name__)
def test_a_failure_crosses_grpc_intact(kind):
    """What a handler raises is what the caller catches."""
    sent = kind("quota", code=452, enhanced="4.2.2")
    metadata = grpc.aio.Metadata(*trailer(sent))
    error = grpc.aio.AioRpcError(grpc.StatusCode[sent.grpc], grpc.aio.Metadata(), metadata)
    got = failure_of(error)
    assert (type(got), got.code, got.enhanced, got.text) == (kind, 452, "4.2.2", "quota")


def test_a_kind_that_only_one_pod_knows_is_what_it_is_made_of():
    """CASES H10: a commit of which nobody knows (CommitUnknown) is Unavailable to who called, so that IMAP says
    NO [UNAVAILABLE], or asks again, and not [SERVERBUG].
    """
    sent = CommitUnknown("the database cannot be used now")
    error = grpc.aio.AioRpcError(
        grpc.StatusCode[sent.grpc], grpc.aio.Metadata(), grpc.aio.Metadata(*trailer(sent))
    )
    assert type(failure_of(error)) is errors.Unavailable


def test_an_unknown_status_is_temporary():
    """An internal error is a 4xx."""
    error = grpc.aio.AioRpcError(grpc.StatusCode.UNKNOWN, grpc.aio.Metadata(), grpc.aio.Metadata())
    assert failure_of(error).temporary
