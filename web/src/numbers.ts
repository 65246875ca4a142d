// Numbers as the page shows them.

/** Returns a number with a comma between thousands. */
export const grouped = (value: number): string => value.toLocaleString("en");
