/** A plugin whose import never ends, under `register`: the wait for it is 10 s, the real one. */
import { beforeEach, expect, it } from "vitest";
import { type ChildProject, childProject, webhookEnvironment } from "../support/child-project.ts";

let project: ChildProject;
beforeEach(() => {
  project = childProject();
});

it("lets the program run without webhooks, although nothing else holds the process open", async () => {
  project.write("bad.mjs", "await new Promise(() => {});");
  project.write("mova.config.yaml", "webhook:\n  plugins: [./bad.mjs]\n");
  project.write("app.mjs", `console.log("done");`);
  const ended = await project.run("app.mjs", { env: webhookEnvironment("http://127.0.0.1:9/") });
  expect(ended).toMatchObject({ code: 0, stdout: "done\n" });
  expect(ended.stderr).toMatch(
    /^mova-webhooks: The import of .*bad\.mjs` did not end within 10 s\.[^]*without webhooks\.\n$/,
  );
});
