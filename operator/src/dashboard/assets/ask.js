// Asks the operator, and not for ever.

const LONGEST = 30_000;

export const ask = (path, longest = LONGEST) => fetch(path, { signal: AbortSignal.timeout(longest) });
