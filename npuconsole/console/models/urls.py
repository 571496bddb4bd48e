"""The pages of the models. A model's own page has its name as it is displayed; that always has a
colon, so no name can be taken for one of the other pages."""

from __future__ import annotations

from django.urls import path

from npuconsole.console.models import actions, find, views

urlpatterns = [
    path("models/", views.models, name="models"),
    path("models/list/", views.models_list, name="models_list"),
    path("models/deletion/", views.deletion, name="models_deletion"),
    path("models/find/", find.find, name="models_find"),
    path("models/find/results/", find.results, name="models_results"),
    path("models/find/fit/", find.fit, name="models_fit"),
    path("models/do/<slug:verb>/", actions.act, name="models_do"),
    path("models/<path:name>/", views.model, name="model"),
]
