"""What no other server has: /api/npu/… : receipts, the dry run of the router, calibration."""
