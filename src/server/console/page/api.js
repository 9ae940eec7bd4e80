/** Talks to the server; asks for the token where it wants one. */
import { byId } from "./dom.js";

const storageKey = "mova-webhooks-token";
let asking;

export async function get(path) {
  return request(path, {});
}

export async function post(path, body = {}) {
  return request(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

/** Rejects with the server's own message. */
async function request(path, { headers, ...options }) {
  const token = sessionStorage.getItem(storageKey);
  const authorization = token === null ? {} : { Authorization: `Bearer ${token}` };
  const response = await fetch(path, { ...options, headers: { ...headers, ...authorization } });
  if (response.status === 401) {
    asking ??= askToken(token !== null).finally(() => {
      asking = undefined;
    });
    await asking;
    return request(path, { headers, ...options });
  }
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error?.message ?? `The server answered ${response.status}`);
  return answer;
}

function askToken(wrong) {
  const dialog = byId("ask-token");
  const input = byId("token");
  byId("token-wrong").textContent = wrong ? "That is not the server's token." : "";
  input.value = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("cancel", (event) => event.preventDefault(), { once: true });
    dialog.addEventListener(
      "close",
      () => {
        sessionStorage.setItem(storageKey, input.value.trim());
        resolve();
      },
      { once: true },
    );
  });
}
