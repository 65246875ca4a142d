// Changes the address, and tells the page when the address has changed.

import { createContext } from "preact";
import { useContext, useEffect, useRef, useState } from "preact/hooks";

import { type Address, readAddress, START, writeAddress } from "./address";

export type Go = (change: Partial<Address>, options?: { replace?: boolean }) => void;

export interface Navigation {
  address: Address;
  go: Go;
  /** Close a dialog: go back if the page itself opened the dialog, else remove it from the address. */
  close: (change: Partial<Address>) => void;
}

export const NavigationContext = createContext<Navigation>({ address: START, go: () => undefined, close: () => undefined });

export function useNavigation(): Navigation {
  return useContext(NavigationContext);
}

/** Return the address of a state for links, so that they can be opened in another tab. */
export function hrefOf(address: Address): string {
  return `./${writeAddress(address)}`;
}

/** Handle a click on a link of the page, unless the user wants another tab. */
export function onLink(navigate: () => void): (event: MouseEvent) => void {
  return (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button !== 0) return;
    event.preventDefault();
    navigate();
  };
}

export function useAddress(): Navigation {
  const [address, setAddress] = useState(() => readAddress(location.search));
  const isGoingBack = useRef(false);
  useEffect(() => {
    const read = (): void => {
      isGoingBack.current = false;
      setAddress(readAddress(location.search));
    };
    addEventListener("popstate", read);
    return () => removeEventListener("popstate", read);
  }, []);
  const go: Go = (change, options) => {
    const before = readAddress(location.search);
    const next = { ...before, ...change };
    if (writeAddress(next) === location.search && !options?.replace) return;
    if (options?.replace) {
      history.replaceState(history.state, "", hrefOf(next));
    } else {
      const { depth, opener } = entry();
      const state: Entry = { depth: depth + 1, opener: hasDialog(before) ? opener : depth };
      history.pushState(state, "", hrefOf(next));
    }
    setAddress(readAddress(location.search));
    if (writeAddress(withoutDialog(next)) !== writeAddress(withoutDialog(before))) showBeginning();
  };
  const close = (change: Partial<Address>): void => {
    const { depth, opener } = entry();
    // The history goes back later, and must not go back further if the dialog is closed twice meanwhile.
    if (isGoingBack.current) return;
    isGoingBack.current = opener !== null;
    if (opener === null) go(change, { replace: true });
    else history.go(opener - depth);
  };
  return { address, go, close };
}

/** The state of an entry of the history. */
interface Entry {
  /** The number of entries that the page has added before this entry. */
  depth: number;
  /** The depth of the entry from which the present dialog was opened, or null if the page began with the dialog. */
  opener: number | null;
}

function entry(): Entry {
  return (history.state as Entry | null) ?? { depth: 0, opener: null };
}

function withoutDialog(address: Address): Address {
  return { ...address, album: null, code: false };
}

/** Scroll back to the heading if a person leaves a view or results from further down. */
function showBeginning(): void {
  const heading = document.querySelector("main h1");
  if (heading !== null && heading.getBoundingClientRect().bottom < 0) heading.scrollIntoView();
}

function hasDialog(address: Address): boolean {
  return address.album !== null || address.code;
}
