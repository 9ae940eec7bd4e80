/** Posts so many bytes so many times with node:http, over a kept connection, and prints what each post came to. */
import { Agent, request } from "node:http";

const [url, size, times] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
for (let time = 0; time < Number(times); time += 1) {
  const outcome = await new Promise((resolve) => {
    const headers = { "content-type": "application/json", "content-length": size };
    const post = request(url, { method: "POST", agent, headers }, (answer) => {
      answer.resume().once("end", () => resolve(answer.statusCode));
    });
    post.once("error", (error) => resolve(error.message));
    post.end(Buffer.alloc(Number(size)));
  });
  console.log(outcome);
}
agent.destroy();
