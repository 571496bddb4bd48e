"""Calibration: measures what each device of this machine can do with each installed model.

`runs.run` is for the command and the API, `schedule.start`/`stop` for the appliance,
`passports.mark_down` for dispatch; `passports.usable` gives the configuration what still holds. A
pair is measured (`measure`) in an engine process of its own (`sandbox`) and judged (`agreement`).
"""
