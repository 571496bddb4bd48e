"""What the owner may change of a configuration row, checked: for the admin and the console."""

from __future__ import annotations

from typing import Any

from django import forms

from inference import environment
from inference.configuration import EMULATED_NAMES, SETTINGS
from inference.models import DevicePolicy, Model, RoutingPolicy, Setting


class RoutingPolicyForm(forms.ModelForm):  # type: ignore[type-arg]
    """Checks device names the way the variables are checked."""

    class Meta:
        model = RoutingPolicy
        fields = ("mode", "preferred_device", "fallback_device", "token_limit")

    def clean_preferred_device(self) -> str:
        """A device's name."""
        return self._device(self.cleaned_data["preferred_device"])

    def clean_fallback_device(self) -> str:
        """A device's name, or auto."""
        value = str(self.cleaned_data["fallback_device"])
        return "auto" if value.lower() == "auto" else self._device(value)

    def _device(self, value: str) -> str:
        try:
            return environment.parse_device(value)
        except ValueError:
            raise forms.ValidationError("NPU, GPU, CPU, or one of several such as GPU.1.") from None


class DevicePolicyForm(forms.ModelForm):  # type: ignore[type-arg]
    """Checks what the database cannot."""

    class Meta:
        model = DevicePolicy
        fields = (
            "enabled",
            "emulate",
            "priority",
            "max_prompt_len",
            "min_response_len",
            "max_engines",
            "max_concurrent_requests",
            "max_queued_requests",
            "overflow",
            "memory_budget_bytes",
            "engine_properties",
        )

    def clean_engine_properties(self) -> Any:
        """A JSON object: names of OpenVINO properties and their values."""
        value = self.cleaned_data["engine_properties"] or {}
        if not isinstance(value, dict):
            raise forms.ValidationError('A JSON object, such as {"INFERENCE_NUM_THREADS": 2}.')
        return value

    def clean_emulate(self) -> bool:
        """NPU and GPU have an emulation."""
        value = bool(self.cleaned_data["emulate"])
        if value and self.instance.device.name not in EMULATED_NAMES:
            raise forms.ValidationError("Only NPU and GPU can be emulated.")
        return value


class ModelLimitForm(forms.ModelForm):  # type: ignore[type-arg]
    """The part of a model's row that decides where its prompts go."""

    class Meta:
        model = Model
        fields = ("token_limit",)


class SettingForm(forms.ModelForm):  # type: ignore[type-arg]
    """Checks a value against its key's kind."""

    class Meta:
        model = Setting
        fields = ("value",)

    def clean_value(self) -> Any:
        """The value in its key's type."""
        spec = SETTINGS[self.instance.key]
        try:
            return spec.parse(str(self.cleaned_data["value"]))
        except ValueError:
            raise forms.ValidationError(f"Allowed: {spec.allowed}.") from None
