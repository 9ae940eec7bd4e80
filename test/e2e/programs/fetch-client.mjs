/** Posts so many bytes so many times with fetch and prints what each post came to. */
const [url, size, times] = process.argv.slice(2);
const headers = { "content-type": "application/json" };
for (let time = 0; time < Number(times); time += 1) {
  try {
    const answer = await fetch(url, { method: "POST", headers, body: new Uint8Array(Number(size)) });
    await answer.text();
    console.log(answer.status);
  } catch (error) {
    console.log(String(error.cause ?? error));
  }
}
