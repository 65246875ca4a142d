// Reads server-sent events from a `fetch` response, because `EventSource` cannot send an API key.

export interface ServerEvent {
  name: string;
  data: string;
}

/** Yield the events of a stream; `onPacket` is called whenever something arrives, even if it is only a comment. */
export async function* readEvents(body: ReadableStream<Uint8Array>, onPacket: () => void): AsyncGenerator<ServerEvent> {
  const reader = body.pipeThrough(new TextDecoderStream() as unknown as TransformStream<Uint8Array, string>).getReader();
  let pending = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      onPacket();
      // A carriage return at the end may belong to a line feed in the next packet.
      pending = (pending + value).replace(/\r\n|\r(?!$)/g, "\n");
      const blocks = pending.split("\n\n");
      pending = blocks.pop() ?? "";
      for (const block of blocks) {
        const event = parseEvent(block);
        if (event !== null) yield event;
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** Return the event of a block of lines, or null if the block contains only comments. */
export function parseEvent(block: string): ServerEvent | null {
  let name = "message";
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const [, field, value] = /^(event|data): ?(.*)$/.exec(line) ?? [];
    if (field === "event") name = value ?? "";
    else if (field === "data") data.push(value ?? "");
  }
  return data.length === 0 ? null : { name, data: data.join("\n") };
}
