// The loop of a Lambda runtime, over Node's own HTTP client. AWS's (aws-lambda-ric) is a native addon that wants cmake and
// autotools to install; this one does less, so that it flatters Node, if anything.

import { Agent, request } from "node:http";

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const sent = request({ agent, host, port, method, path: `/2018-06-01/runtime${path}` }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(chunks).toString() }));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

const { handle } = await import("./handler.mjs");
for (;;) {
  const { headers, body } = await call("GET", "/invocation/next");
  const id = headers["lambda-runtime-aws-request-id"];
  try {
    const answer = await handle(JSON.parse(body));
    await call("POST", `/invocation/${id}/response`, JSON.stringify(answer));
  } catch (error) {
    const report = { errorType: error.name, errorMessage: error.message };
    await call("POST", `/invocation/${id}/error`, JSON.stringify(report));
  }
}
