// The words behind the numbers, which the operator serves once.

import { ask } from "./ask.js";

let states = [];
let reasons = [];
const by_word = new Map();

export async function load() {
  const answer = await ask("/api/words");
  if (!answer.ok) throw new Error(`/api/words: ${answer.status}`);
  ({ states, reasons } = await answer.json());
  by_word.clear();
  for (const reason of reasons) by_word.set(reason.word, reason);
}

export const all = () => reasons;
export const states_known = () => states;
export const state = (number) => states[number] ?? "Unreported";
export const reason = (number) => reasons[number]?.word ?? "";
export const explain = (word) => by_word.get(word);

// How a NIC is to be seen: well, to be waited for, or to be looked at by a person. What the agent says of it does not
// hold for certain where there is a doubt.
export function tone(state, reason, doubt = "") {
  if (doubt) return "warn";
  if (["Failed", "Refused", "DeviceMissing"].includes(state)) return "bad";
  if (state === "Configured") return reason === "Configured" ? "good" : "warn";
  if (state === "Unreported" || by_word.get(reason)?.fine) return "";
  return "warn";
}
