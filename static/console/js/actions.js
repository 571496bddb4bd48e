// Asking the server to change something. Errors are words for a person, with the field they are about.

export class Refused extends Error {
  constructor(message, field, status) {
    super(message);
    this.field = field;
    this.status = status;
  }
}

/** POST `body` as JSON and give the answer, an object. Throws Refused; `signal` can give it up. */
export async function post(url, body = {}, { signal } = {}) {
  let response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "X-CSRFToken": document.querySelector('meta[name="csrf-token"]').content,
      },
      body: JSON.stringify(body),
      signal,
    });
  } catch {
    throw new Refused("The server cannot be reached.", "", 0);
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw new Refused(answer.error ?? `The server answered ${response.status}.`, answer.field ?? "", response.status);
}
