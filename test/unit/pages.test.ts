/** The pages hold together: every link leads somewhere, none is lost, the first one stays short. */
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path/posix";
import { describe, expect, it } from "vitest";
import {
  anchorsOf,
  docs,
  linksOf,
  manifest,
  type Page,
  pages,
  pathsOf,
  read,
  readme,
  root,
} from "../support/pages.ts";

const besides = ["grafana/README.md", "CHANGELOG.md"].map((path) => ({ path, text: read(path) }));
const linked: readonly Page[] = [...pages, ...besides];
/** Looked at in a clone only. */
const notShipped = /^(grafana\/preview\/.+\.png|CONTRIBUTING\.md|ARCHITECTURE\.md)$/;

interface Link {
  readonly target: string;
  /** From the root; that of the page itself where only its anchor is named. */
  readonly path: string;
  readonly anchor: string | undefined;
}

function relativeLinksOf(page: Page): readonly Link[] {
  return linksOf(page)
    .filter((target) => !/^https?:/.test(target))
    .map((target) => {
      const [path = "", anchor] = target.split("#");
      return { target, path: path === "" ? page.path : join(dirname(page.path), path), anchor };
    });
}

function leadsSomewhere({ path, anchor }: Link): boolean {
  if (!existsSync(join(root, path))) return false;
  return anchor === undefined || anchorsOf({ path, text: read(path) }).includes(anchor);
}

function ships(path: string): boolean {
  if (["README.md", "LICENSE", "package.json"].includes(path)) return true;
  return manifest.files.some((entry) => path === entry || path.startsWith(`${entry}/`));
}

describe.each(linked.map((page) => ({ page, path: page.path })))("$path", ({ page }) => {
  it("has no link that leads nowhere", () => {
    const broken = relativeLinksOf(page).filter((link) => !leadsSomewhere(link));
    expect(broken.map(({ target }) => target)).toEqual([]);
  });

  it("names no file that is not there", () => {
    expect(pathsOf(page).filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it("ships with what it links to, where it ships", () => {
    const missing = relativeLinksOf(page).filter(({ path }) => !ships(path) && !notShipped.test(path));
    expect(ships(page.path) ? missing.map(({ target }) => target) : []).toEqual([]);
  });

  it("has one title, and no link to an anchor that two headings have", () => {
    const anchors = anchorsOf(page);
    expect(page.text.replaceAll(/^```.*?^```$/gms, "").match(/^# \S/gm)).toHaveLength(1);
    const twice = anchors.filter((anchor, at) => anchors.indexOf(anchor) !== at);
    const wanted = linked.flatMap(relativeLinksOf).filter(({ path }) => path === page.path);
    expect(wanted.filter(({ anchor }) => twice.includes(anchor ?? ""))).toEqual([]);
  });
});

it("a link that leads nowhere is found, and one in a block is not looked at", () => {
  const text = "# A\n\n[a](#a) [b](#b) [c](no-such.md) [d](LICENSE)\n\n```sh\n# e\n[e](e)\n```\n";
  const links = relativeLinksOf({ path: "page.md", text }).filter(({ path }) => path !== "page.md");
  expect(links.filter((link) => !leadsSomewhere(link)).map(({ target }) => target)).toEqual(["no-such.md"]);
  expect(anchorsOf({ path: "page.md", text })).toEqual(["a"]);
});

describe("a recipe", () => {
  const { text } = pages.find(({ path }) => path === "CONTRIBUTING.md") as Page;
  const [, ...recipes] = (/^## Recipes$(.*?)^## /ms.exec(text)?.[1] ?? "").split(/^### /m);

  it("is there for what is changed most", () => {
    expect(recipes.map((recipe) => recipe.split("\n")[0])).toEqual([
      "Change a retry rule",
      "Add a metric label",
      "Add a library to a plugin",
      "Add an outbox",
      "Add a setting",
    ]);
  });

  it.each(recipes.map((recipe) => ({ name: recipe.split("\n")[0], recipe })))(
    "names files to change, and the tests that show it done: $name",
    ({ recipe }) => {
      const [change = "", shown = ""] = recipe.split(/^Shown by /m);
      expect(pathsOf({ path: "", text: change }).length).toBeGreaterThan(1);
      expect(pathsOf({ path: "", text: shown }).join()).toMatch(/^test\/.+\.test\.ts/);
    },
  );
});

it("the README is at most 350 lines, and leads to every page", () => {
  expect(readme.text.trimEnd().split("\n").length).toBeLessThanOrEqual(350);
  const reached = new Set(relativeLinksOf(readme).map(({ path }) => path));
  const lost = linked.filter((page) => page !== readme && !reached.has(page.path));
  expect(lost.map(({ path }) => path)).toEqual([]);
});

it("every page of docs/ is a file of Markdown", () => {
  for (const { path } of docs) {
    expect(statSync(join(root, path)).isFile()).toBe(true);
    expect(path).toMatch(/^docs\/[a-z-]+\.md$/);
  }
});
