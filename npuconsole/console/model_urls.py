"""The pages of the models. A model's own page has its name as it is displayed; that always has a
colon, so no name can be taken for one of the other pages."""

from __future__ import annotations

from django.urls import path

from npuconsole.console.views import models, models_actions, models_find

urlpatterns = [
    path("models/", models.models, name="models"),
    path("models/list/", models.models_list, name="models_list"),
    path("models/deletion/", models.deletion, name="models_deletion"),
    path("models/find/", models_find.find, name="models_find"),
    path("models/find/results/", models_find.results, name="models_results"),
    path("models/find/fit/", models_find.fit, name="models_fit"),
    path("models/do/<slug:verb>/", models_actions.act, name="models_do"),
    path("models/<path:name>/", models.model, name="model"),
]
