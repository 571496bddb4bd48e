"""The schema in the repository is the one the models describe, and it can be made and unmade."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction

from inference.models import (
    Device,
    DevicePolicy,
    Model,
    ModelVariant,
    PullJob,
    RoutingPolicy,
)

pytestmark = pytest.mark.usefixtures("rows")


def test_no_model_has_changed_without_a_migration() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def model(**fields: object) -> Model:
    return Model(**{"name": "tiny:1m", "family": "llama", **fields})


FORBIDDEN = {
    "a ready model without a digest": lambda: model(status="ready").save(),
    "two models of one name": lambda: [model().save(), model().save()],
    "a token limit of nought": lambda: model(token_limit=0).save(),
    "a second routing policy": lambda: RoutingPolicy(id=2).save(),
    "a routing policy for no tokens": lambda: RoutingPolicy(id=1, token_limit=0).save(),
    "a device without engines": lambda: DevicePolicy.objects.update(max_engines=0),
    "a device that takes no requests": lambda: DevicePolicy.objects.update(
        max_concurrent_requests=0
    ),
    "a prompt limit below a chat template": lambda: DevicePolicy.objects.update(max_prompt_len=3),
    "two devices of one name": lambda: Device.objects.bulk_create([Device(name="CPU")]),
    "a job that is more than done": lambda: PullJob(model_name="x", fraction=1.5).save(),
    "two jobs under way for one model": lambda: [
        PullJob(model_name="x", status="queued").save(),
        PullJob(model_name="x", status="importing").save(),
    ],
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_the_database_itself_refuses(what: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        FORBIDDEN[what]()


def test_two_finished_jobs_for_one_model_are_history() -> None:
    for _ in range(2):
        PullJob(model_name="x", status="done").save()

    assert PullJob.objects.count() == 2


def test_a_variant_goes_with_its_model() -> None:
    tiny = model()
    tiny.save()
    ModelVariant.objects.create(model=tiny, folder="a", weight_format="int8")

    tiny.delete()

    assert not ModelVariant.objects.exists()
