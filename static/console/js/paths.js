// Where rows of the overview lead, and what it asks. The server's urls.py has the same.

export const HISTORY_PATH = "/overview/history/";

export const receiptOf = (id) => `/requests/${encodeURIComponent(id)}/`;
export const requestsOn = (device) => `/requests/?device=${encodeURIComponent(device)}`;
export const ROUTING_PATH = "/routing/";
export const PASSPORTS_PATH = "/models/";
export const modelPage = (name) => `/models/${encodeURI(name)}/`;
export const cancelPath = (id) => `/overview/cancel/${encodeURIComponent(id)}/`;
