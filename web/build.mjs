// Builds the page: checks nothing, bundles web/src and web/style into api/web, or into the folder that is given.

import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const source = path.dirname(fileURLToPath(import.meta.url));
const output = path.resolve(process.argv[2] ?? path.join(source, "..", "api", "web"));

// The markup is in template literals, whose indentation esbuild keeps; htm and browsers ignore it.
const unindented = {
  name: "unindented",
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path: file }) => {
      const contents = await readFile(file, "utf8");
      // Outside of templates, the code is formatted so that no line matches the first two patterns.
      const joined = contents
        .replaceAll(/(?<=[>}])\n\s*(?=<|\$\{)/g, "")
        .replaceAll(/\n\s*(?=[a-zA-Z-]+=["$])/g, " ")
        .replaceAll(/\n\s+/g, "\n");
      return { contents: joined, loader: "ts" };
    });
  },
};

const bundled = await build({
  absWorkingDir: source,
  entryPoints: { page: "src/main.ts", style: "style/main.css" },
  bundle: true,
  minify: true,
  format: "esm",
  target: ["chrome109", "firefox115", "safari16.4"],
  legalComments: "none",
  charset: "utf8",
  outdir: output,
  write: false,
  plugins: [unindented],
});

await mkdir(output, { recursive: true });
for (const name of await readdir(output)) await rm(path.join(output, name));

const names = {};
for (const { path: file, contents } of bundled.outputFiles) {
  names[path.basename(file)] = await writeFingerprinted(path.basename(file), contents);
}
names["icon.svg"] = await writeFingerprinted("icon.svg", await readFile(path.join(source, "icon.svg")));

const page = await readFile(path.join(source, "index.html"), "utf8");
await writeFile(path.join(output, "index.html"), page.replaceAll(/%([a-z.]+)%/g, (_, name) => names[name]));
await writeFile(path.join(output, "LICENSES.txt"), await licences(["preact", "htm"]));

async function writeFingerprinted(name, contents) {
  const hash = createHash("sha256").update(contents).digest("hex").slice(0, 12);
  const fingerprinted = name.replace(".", `-${hash}.`);
  await writeFile(path.join(output, fingerprinted), contents);
  return fingerprinted;
}

async function licences(packages) {
  const texts = ["The script of this page contains these libraries:\n"];
  for (const name of packages) {
    const folder = path.join(source, "node_modules", name);
    const { version } = JSON.parse(await readFile(path.join(folder, "package.json"), "utf8"));
    texts.push(`\n${name} ${version}\n\n${await readFile(path.join(folder, "LICENSE"), "utf8")}`);
  }
  return texts.join("");
}
