// What the scripts here share: a client for the protocol that is their first argument, and the end of a script.
import { CommunicationProtocolEnum, DaprClient, LogLevel } from "@dapr/dapr";

export const protocol = process.argv[2];
export const isGrpc = protocol === "grpc";

export const clientOptions = {
  daprHost: "127.0.0.1",
  daprPort: isGrpc ? process.env.DAPR_GRPC_PORT : process.env.DAPR_HTTP_PORT,
  communicationProtocol: isGrpc ? CommunicationProtocolEnum.GRPC : CommunicationProtocolEnum.HTTP,
  logger: { level: LogLevel.Error },
};

// Runs a script's steps with a client; the process ends with 0 when none of them threw.
export async function run(steps) {
  const client = new DaprClient(clientOptions);
  await client.start();
  await steps(client);
  await client.stop();
  process.exit(0);
}

// Fails unless the call is refused with an error that has the text in it.
export async function refused(call, text) {
  let result;
  try {
    result = await call();
  } catch (error) {
    return mustContain(error);
  }
  // Some calls of the HTTP client answer { error } instead of throwing.
  if (!result?.error) throw new Error(`not refused, but: ${JSON.stringify(result)}`);
  return mustContain(result.error);

  function mustContain(error) {
    const details = (error?.details ?? []).map((d) => Buffer.from(d.value ?? []).toString()); // of a gRPC status
    const told = `${error?.message} ${error?.rawMessage} ${error?.error?.message} ${error?.code} ${details}`;
    if (!told.includes(text)) throw new Error(`refused, but not with "${text}": ${told}`);
  }
}
