from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("inference", "0004_pull_jobs"),
    ]

    operations = [
        migrations.CreateModel(
            name="RequestRecord",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("request_id", models.CharField(max_length=40, unique=True)),
                ("received_at", models.DateTimeField(db_index=True)),
                ("family", models.CharField(max_length=20)),
                ("endpoint", models.CharField(max_length=80)),
                ("client", models.CharField(blank=True, max_length=100)),
                ("model_name", models.CharField(max_length=250)),
                ("routed_device", models.CharField(blank=True, max_length=20)),
                ("execution_device", models.CharField(blank=True, db_index=True, max_length=20)),
                ("reason", models.CharField(blank=True, max_length=60)),
                ("fallback_reason", models.CharField(blank=True, max_length=60)),
                ("explanation", models.CharField(blank=True, max_length=300)),
                ("chain", models.JSONField(blank=True, default=list)),
                (
                    "outcome",
                    models.CharField(
                        help_text="stop, length, cancelled, or an error code.", max_length=40
                    ),
                ),
                ("error", models.CharField(blank=True, max_length=500)),
                ("prompt_tokens", models.PositiveIntegerField(default=0)),
                ("completion_tokens", models.PositiveIntegerField(default=0)),
                ("queue_seconds", models.FloatField(default=0)),
                ("load_seconds", models.FloatField(default=0)),
                ("prefill_seconds", models.FloatField(default=0)),
                ("decode_seconds", models.FloatField(default=0)),
                ("ttft_seconds", models.FloatField(default=0)),
                ("total_seconds", models.FloatField(default=0)),
                ("ignored", models.JSONField(blank=True, default=list)),
            ],
            options={
                "ordering": ["-received_at"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("total_seconds__gte", 0),
                            ("total_seconds__gte", models.F("queue_seconds")),
                        ),
                        name="request_record_times_sane",
                    )
                ],
            },
        ),
    ]
