// An authority and a server's certificate of it, made by openssl for one test file.
import assert from "node:assert/strict";

export interface ServerIdentity {
  caCert: string;
  cert: string;
  key: string;
}

/** A certificate for one name, of an authority that nobody knows but who is told. */
export async function issueCertificate(name: string): Promise<ServerIdentity> {
  const folder = await Deno.makeTempDir({ prefix: "certificates-" });
  const openssl = async (...args: string[]) => {
    const { success, stderr } = await new Deno.Command("openssl", { args, cwd: folder }).output();
    assert.ok(success, `openssl ${args[0]}: ${new TextDecoder().decode(stderr)}`);
  };
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  try {
    await openssl(
      "req",
      "-x509",
      ...newKey,
      "-keyout",
      "ca.key",
      "-out",
      "ca.pem",
      "-subj",
      "/CN=A",
    );
    await openssl(
      "req",
      ...newKey,
      "-keyout",
      "key.pem",
      "-out",
      "csr.pem",
      "-subj",
      `/CN=${name}`,
    );
    await Deno.writeTextFile(`${folder}/names`, `subjectAltName=DNS:${name}`);
    const sign = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names"];
    await openssl("x509", "-req", "-in", "csr.pem", "-out", "cert.pem", "-days", "2", ...sign);
    const read = (file: string) => Deno.readTextFile(`${folder}/${file}`);
    return {
      caCert: await read("ca.pem"),
      cert: await read("cert.pem"),
      key: await read("key.pem"),
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
