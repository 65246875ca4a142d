// A search as a program: for curl, Python and JavaScript.

import { type Query, addressOf, type Connection } from "../client/http";
import { composedFields, searchRequest, type Search } from "../client/search";

export const LANGUAGES = ["curl", "Python", "JavaScript"] as const;
export type Language = (typeof LANGUAGES)[number];

/** The environment variable from which the programs read the API key. */
const KEY_VARIABLE = "COVER_SEARCH_KEY";

interface Described {
  url: string;
  path: "get" | "image" | "composed";
  /** The JSON body of a composed search; the value under `image` of a part is the name of a file. */
  body: Record<string, unknown>;
  files: readonly string[];
  hasKey: boolean;
}

export async function codeSample(language: Language, asked: Search, connection: Connection): Promise<string> {
  const described = await describe(asked, connection);
  switch (language) {
    case "curl":
      return curl(described);
    case "Python":
      return python(described);
    case "JavaScript":
      return javascript(described);
  }
}

async function describe(asked: Search, connection: Connection): Promise<Described> {
  const request = await searchRequest(asked, () => Promise.resolve(new Blob()));
  const query: Query = request.query ?? [];
  let images = 0;
  const parts = asked.parts.map((part) => {
    const weight = part.weight === 1 ? {} : { weight: part.weight };
    if (part.kind === "text") return { text: part.text, ...weight };
    if (part.kind === "album") return { album_id: part.id, ...weight };
    images += 1;
    return { image: images === 1 ? "cover.jpg" : `cover-${images}.jpg`, ...weight };
  });
  return {
    url: addressOf(connection, { path: request.path, query }).href.replaceAll("'", "%27"),
    path: request.method === "GET" ? "get" : request.path === "api/search" ? "composed" : "image",
    body: { parts, ...composedFields(asked) },
    files: parts.flatMap((part) => ("image" in part ? [part.image] : [])),
    hasKey: connection.key() !== null,
  };
}

function curl({ url, path, body, hasKey }: Described): string {
  const key = hasKey ? ` \\\n  -H "X-API-Key: $${KEY_VARIABLE}"` : "";
  if (path === "get") return `curl '${url}'${key}\n`;
  if (path === "image") return `curl -F file=@cover.jpg '${url}'${key}\n`;
  return (
    `curl '${url}'${key} \\\n  -H 'Content-Type: application/json' --data-binary @- <<END\n` +
    `${hereDocument(body)}\nEND\n`
  );
}

// In a here-document the shell replaces $, ` and \, so that the data of an image can be inserted by a command.
function hereDocument(body: Record<string, unknown>): string {
  const escaped = JSON.stringify(body, null, 2).replace(/[\\$`]/g, "\\$&");
  return escaped.replace(/("image": )"([\w.-]+)"/g, `$1"$(base64 < $2 | tr -d '\\n')"`);
}

function python({ url, path, body, files, hasKey }: Described): string {
  const headers = hasKey ? `headers = {"X-API-Key": os.environ["${KEY_VARIABLE}"]}\n` : "";
  const given = hasKey ? ", headers=headers" : "";
  const imports = [...(files.length && path === "composed" ? ["import base64"] : []), ...(hasKey ? ["import os"] : [])];
  const start = `${imports.join("\n")}${imports.length ? "\n\n" : ""}import httpx\n\n${headers}`;
  const end =
    'answer.raise_for_status()\nfor album in answer.json()["results"]:\n' +
    '    print(album["similarity"], album["artist"], "-", album["album_name"])\n';
  if (path === "get") return `${start}answer = httpx.get(${JSON.stringify(url)}${given}, timeout=60)\n${end}`;
  if (path === "image") {
    const call = `answer = httpx.post(${JSON.stringify(url)}, files={"file": image}${given}, timeout=60)`;
    return `${start}with open("cover.jpg", "rb") as image:\n    ${call}\n${end}`;
  }
  const reader = files.length
    ? 'def read(name):\n    with open(name, "rb") as image:\n        return base64.b64encode(image.read()).decode()\n\n'
    : "";
  return (
    `${start}${reader}query = ${pythonLiteral(body)}\n` +
    `answer = httpx.post(${JSON.stringify(url)}, json=query${given}, timeout=60)\n${end}`
  );
}

function javascript({ url, path, body, files, hasKey }: Described): string {
  const start = files.length ? 'import { openAsBlob } from "node:fs";\n\n' : "";
  const key = hasKey ? `"X-API-Key": process.env.${KEY_VARIABLE}` : "";
  const end =
    'if (!answer.ok) throw new Error(await answer.text());\nfor (const album of (await answer.json()).results) {\n' +
    '  console.log(album.similarity, album.artist, "-", album.album_name);\n}\n';
  const call = (options: readonly string[]): string =>
    `const answer = await fetch(${JSON.stringify(url)}${options.length ? `, { ${options.join(", ")} }` : ""});\n`;
  if (path === "get") return call(hasKey ? [`headers: { ${key} }`] : []) + end;
  if (path === "image") {
    const form = 'const form = new FormData();\nform.append("file", await openAsBlob("cover.jpg"), "cover.jpg");\n';
    return start + form + call(['method: "POST"', "body: form", ...(hasKey ? [`headers: { ${key} }`] : [])]) + end;
  }
  const reader = files.length
    ? 'const read = async (name) => Buffer.from(await (await openAsBlob(name)).arrayBuffer()).toString("base64");\n'
    : "";
  const query = JSON.stringify(body, null, 2).replace(/("image": )("[\w.-]+")/g, "$1await read($2)");
  const headers = ['"Content-Type": "application/json"', ...(hasKey ? [key] : [])].join(", ");
  const options = ['method: "POST"', "body: JSON.stringify(query)", `headers: { ${headers} }`];
  return `${start}${reader}const query = ${query};\n${call(options)}${end}`;
}

function pythonLiteral(value: unknown, indent = ""): string {
  const inner = `${indent}    `;
  if (Array.isArray(value)) {
    return `[\n${value.map((each) => `${inner}${pythonLiteral(each, inner)},\n`).join("")}${indent}]`;
  }
  if (typeof value === "object" && value !== null) {
    const fields = Object.entries(value).map(([name, field]) => {
      const text = name === "image" ? `read(${JSON.stringify(field)})` : pythonLiteral(field, inner);
      return `${inner}${JSON.stringify(name)}: ${text},\n`;
    });
    return `{\n${fields.join("")}${indent}}`;
  }
  return typeof value === "boolean" ? (value ? "True" : "False") : JSON.stringify(value);
}
