import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("inference", "0001_models"),
    ]

    operations = [
        migrations.CreateModel(
            name="Device",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "name",
                    models.CharField(
                        max_length=20,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^(NPU|GPU|CPU)(\\.\\d+)?$", "NPU, GPU, GPU.0, CPU"
                            )
                        ],
                    ),
                ),
                ("present", models.BooleanField(default=False)),
                (
                    "emulated",
                    models.BooleanField(
                        default=False, help_text="OpenVINO's NPU pipeline compiled for the CPU."
                    ),
                ),
                ("full_name", models.CharField(blank=True, max_length=200)),
                ("driver", models.CharField(blank=True, max_length=100)),
                ("facts", models.JSONField(blank=True, default=dict)),
                ("absent_reason", models.CharField(blank=True, max_length=400)),
                ("discovered_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="RoutingPolicy",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("preferred_device", models.CharField(default="NPU", max_length=20)),
                (
                    "fallback_device",
                    models.CharField(
                        default="auto", help_text="auto: GPU, then CPU.", max_length=20
                    ),
                ),
                (
                    "token_limit",
                    models.PositiveIntegerField(
                        default=1800,
                        help_text="Longest prompt, in tokens, for the preferred device.",
                        validators=[django.core.validators.MinValueValidator(1)],
                    ),
                ),
                ("modified_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "verbose_name_plural": "routing policy",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("id", 1)), name="routing_policy_is_single"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("token_limit__gte", 1)),
                        name="routing_token_limit_positive",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="DevicePolicy",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("enabled", models.BooleanField(default=True)),
                (
                    "emulate",
                    models.BooleanField(
                        default=False, help_text="NPU only: run OpenVINO's NPU pipeline on the CPU."
                    ),
                ),
                (
                    "priority",
                    models.PositiveSmallIntegerField(default=10, help_text="Lower is tried first."),
                ),
                (
                    "max_prompt_len",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Longest prompt in tokens; empty: the model's context length.",
                        null=True,
                        validators=[django.core.validators.MinValueValidator(16)],
                    ),
                ),
                (
                    "min_response_len",
                    models.PositiveIntegerField(
                        default=512,
                        help_text="Tokens kept for the answer.",
                        validators=[django.core.validators.MinValueValidator(1)],
                    ),
                ),
                (
                    "max_engines",
                    models.PositiveSmallIntegerField(
                        default=3, validators=[django.core.validators.MinValueValidator(1)]
                    ),
                ),
                (
                    "max_concurrent_requests",
                    models.PositiveSmallIntegerField(
                        default=32,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(1024),
                        ],
                    ),
                ),
                ("max_queued_requests", models.PositiveIntegerField(default=512)),
                ("engine_properties", models.JSONField(blank=True, default=dict)),
                (
                    "device",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="policy",
                        to="inference.device",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "device policies",
                "ordering": ["priority"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("max_engines__gte", 1)),
                        name="device_policy_max_engines_positive",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("max_concurrent_requests__gte", 1)),
                        name="device_policy_concurrency_positive",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("max_prompt_len__isnull", True),
                            ("max_prompt_len__gte", 16),
                            _connector="OR",
                        ),
                        name="device_policy_max_prompt_len_sane",
                    ),
                ],
            },
        ),
    ]
