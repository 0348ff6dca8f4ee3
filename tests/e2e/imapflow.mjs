// imapflow (npm) as a program would use it: everything is said as one JSON object on standard output.
// NODE_PATH is not obeyed by import, so that the module's folder is the first argument.
import { createRequire } from "node:module";

const [folder, port, user, password] = process.argv.slice(2);
const { ImapFlow } = createRequire(`${folder}/`)("imapflow");
const client = new ImapFlow({ host: "localhost", port: Number(port), secure: true, auth: { user, pass: password }, logger: false });
const letter = (n) => `Subject: letter ${n}\r\nMessage-ID: <${n}@imapflow>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n本文 ${n}\r\n`;
const said = {};

await client.connect();
said.capabilities = [...client.capabilities.keys()];
await client.mailboxCreate(["仕事", "会議"]);
said.mailboxes = (await client.list()).map((box) => [box.path, box.specialUse || ""]);
const lock = await client.getMailboxLock("INBOX");
try {
  for (const n of [1, 2, 3]) await client.append("INBOX", letter(n), n === 1 ? ["\\Flagged"] : []);
  await client.noop();
  said.exists = client.mailbox.exists;
  said.found = await client.search({ body: "本文 2" }, { uid: true });
  said.fetched = [];
  for await (const one of client.fetch("1:*", { uid: true, flags: true, envelope: true, bodyStructure: true, source: true })) {
    said.fetched.push([one.uid, [...one.flags].sort(), one.envelope.subject, one.bodyStructure.type, one.source.toString("utf8")]);
  }
  const { content } = await client.download("2", "TEXT", { uid: true });
  said.text = "";
  for await (const piece of content) said.text += piece.toString("utf8");
  await client.messageFlagsAdd("2", ["\\Seen", "$Done"], { uid: true });
  await client.messageMove("1", "仕事/会議", { uid: true });
  await client.messageDelete("3", { uid: true });
  said.status = await client.status("仕事/会議", { messages: true, uidNext: true });
} finally {
  lock.release();
}
await client.logout();
console.log(JSON.stringify(said));
