from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("inference", "0003_settings"),
    ]

    operations = [
        migrations.CreateModel(
            name="PullJob",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("model_name", models.CharField(max_length=250)),
                ("source", models.CharField(blank=True, max_length=400)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("downloading", "Downloading"),
                            ("importing", "Importing"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                        ],
                        default="queued",
                        max_length=12,
                    ),
                ),
                (
                    "step",
                    models.CharField(
                        blank=True, help_text="What it is doing, in words.", max_length=200
                    ),
                ),
                ("digest", models.CharField(blank=True, max_length=64)),
                ("total_bytes", models.PositiveBigIntegerField(default=0)),
                ("completed_bytes", models.PositiveBigIntegerField(default=0)),
                ("fraction", models.FloatField(default=0.0, help_text="Of the whole job, 0 to 1.")),
                ("error", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("modified_at", models.DateTimeField(auto_now=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-created_at"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("status__in", ["queued", "downloading", "importing"])),
                        fields=("model_name",),
                        name="pull_job_one_active_per_model",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("fraction__gte", 0), ("fraction__lte", 1)),
                        name="pull_job_fraction_range",
                    ),
                ],
            },
        ),
    ]
