// The arrow keys, Home and End in the grid of results.

/** Move the focus from one result to the result above, below or beside it. */
export function moveInGrid(event: KeyboardEvent): void {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const grid = event.currentTarget as HTMLElement;
  const cards = [...grid.querySelectorAll<HTMLElement>(".card-link")];
  const present = cards.findIndex((card) => card.parentElement?.contains(document.activeElement));
  if (present < 0) return;
  const next = cards[target(event.key, present, { count: cards.length, columns: columnsOf(cards) })];
  if (next === undefined) return;
  event.preventDefault();
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

function target(key: string, present: number, grid: { count: number; columns: number }): number {
  switch (key) {
    case "ArrowRight":
      return Math.min(present + 1, grid.count - 1);
    case "ArrowLeft":
      return Math.max(present - 1, 0);
    case "ArrowDown":
      return present + grid.columns < grid.count ? present + grid.columns : -1;
    case "ArrowUp":
      return present - grid.columns;
    case "Home":
      return 0;
    case "End":
      return grid.count - 1;
    default:
      return -1;
  }
}

function columnsOf(cards: readonly HTMLElement[]): number {
  const top = cards[0]?.getBoundingClientRect().top;
  const inFirstRow = cards.findIndex((card) => card.getBoundingClientRect().top !== top);
  return inFirstRow < 0 ? cards.length : inFirstRow;
}
