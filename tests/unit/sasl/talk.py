"""A mechanism driven by hand: a list of responses, and a world that answers what it asks."""

from yubin.errors import Failure
from yubin.sasl.mechanism import Challenge
from yubin.sasl.mechanisms import SERVER


def talk(name, responses, world=None):
    """(challenges, claims, who it is). ``responses[0]`` None: no initial response. Raises what the mechanism does."""
    rest = iter(responses)
    steps = SERVER[name](next(rest))
    challenges, claims = [], []
    try:
        step = next(steps)
        while True:
            if isinstance(step, Challenge):
                challenges.append(step.octets)
                step = steps.send(next(rest))
                continue
            claims.append(step)
            try:
                answer = world(step) if world else "somebody"
            except Failure as failure:
                step = steps.throw(failure)
            else:
                step = steps.send(answer)
    except StopIteration as end:
        return challenges, claims, end.value
