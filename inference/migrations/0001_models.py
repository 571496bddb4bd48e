import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Model",
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
                        help_text="Display name in Ollama's grammar, always with a tag.",
                        max_length=250,
                        unique=True,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("installing", "Installing"),
                            ("ready", "Ready"),
                            ("failed", "Failed"),
                        ],
                        default="installing",
                        max_length=12,
                    ),
                ),
                (
                    "family",
                    models.CharField(help_text="Architecture, for example llama.", max_length=60),
                ),
                (
                    "digest",
                    models.CharField(
                        blank=True,
                        max_length=64,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[0-9a-f]{64}$", "64 hexadecimal digits"
                            )
                        ],
                    ),
                ),
                ("size_bytes", models.PositiveBigIntegerField(default=0)),
                ("parameter_count", models.PositiveBigIntegerField(default=0)),
                ("quantization", models.CharField(blank=True, max_length=40)),
                (
                    "context_length",
                    models.PositiveIntegerField(
                        default=0, help_text="Tokens the model was trained for."
                    ),
                ),
                ("capabilities", models.JSONField(blank=True, default=list)),
                ("license", models.TextField(blank=True)),
                (
                    "source",
                    models.CharField(blank=True, help_text="Where it came from.", max_length=400),
                ),
                (
                    "facts",
                    models.JSONField(blank=True, default=dict, help_text="What the importer read."),
                ),
                ("system", models.TextField(blank=True, help_text="Preset system prompt.")),
                (
                    "template",
                    models.TextField(
                        blank=True, help_text="Chat template instead of the model's own."
                    ),
                ),
                (
                    "parameters",
                    models.JSONField(
                        blank=True, default=dict, help_text="Preset sampling parameters."
                    ),
                ),
                (
                    "keep_alive_seconds",
                    models.FloatField(
                        blank=True,
                        help_text="Empty: the server's default. Negative: for ever.",
                        null=True,
                    ),
                ),
                (
                    "token_limit",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Longest prompt for the preferred device; empty: the routing policy's.",
                        null=True,
                        validators=[django.core.validators.MinValueValidator(1)],
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("modified_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "ordering": ["name"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("token_limit__isnull", True), ("token_limit__gte", 1), _connector="OR"
                        ),
                        name="model_token_limit_positive",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "ready"), _negated=True),
                            models.Q(("digest", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="model_ready_has_digest",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ModelVariant",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "folder",
                    models.CharField(
                        help_text="Folder under the models folder, or absolute.",
                        max_length=500,
                        unique=True,
                    ),
                ),
                ("weight_format", models.CharField(max_length=40)),
                ("size_bytes", models.PositiveBigIntegerField(default=0)),
                (
                    "device_classes",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text="Device classes that may load it; empty: all.",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="variants",
                        to="inference.model",
                    ),
                ),
            ],
            options={
                "ordering": ["model", "weight_format"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("model", "weight_format"), name="variant_one_per_weight_format"
                    )
                ],
            },
        ),
    ]
