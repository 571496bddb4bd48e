"""The rows: what the owner installed, allowed and measured. The database is the configuration.

Code on the request path never reads these; it reads the in-memory picture (`inference.snapshot`)
that `inference.configuration` builds from them. Every row that is part of that picture derives from
`ConfigurationRow`, so that any change of it replaces the picture.
"""

from __future__ import annotations

from inference.models.catalogue import Model, ModelAlias, ModelVariant, PullJob
from inference.models.changes import ConfigurationChange
from inference.models.chats import Conversation, ConversationMessage
from inference.models.log import RequestRecord
from inference.models.machine import Device, DevicePolicy, PinnedPair, RoutingPolicy
from inference.models.passports import Passport
from inference.models.rows import ConfigurationRow
from inference.models.settings import Setting

__all__ = [
    "ConfigurationChange",
    "ConfigurationRow",
    "Conversation",
    "ConversationMessage",
    "Device",
    "DevicePolicy",
    "Model",
    "ModelAlias",
    "ModelVariant",
    "Passport",
    "PinnedPair",
    "PullJob",
    "RequestRecord",
    "RoutingPolicy",
    "Setting",
]
