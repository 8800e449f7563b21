// JSON mode: the tokens are in the answer, and the client sends them itself.
import createClient from "openapi-fetch";
import type { paths } from "./endpoints.js";

declare const process: { argv: string[] };

const client = createClient<paths>({ baseUrl: process.argv[2] });

const login = await client.POST("/login/", {
  body: { username: "alice", password: "pass" },
});
if (login.error) throw new Error(login.error.error);

const refreshed = await client.POST("/api/token/refresh/refresh_access/", {
  headers: { Authorization: `Bearer ${login.data.refresh}` },
});
if (refreshed.error) throw new Error(refreshed.error.error);

const checked = await client.POST("/validate_access/", {
  headers: { Authorization: `Bearer ${refreshed.data.access}` },
});
console.log(login.response.status, refreshed.response.status, checked.data?.msg);

const refused = await client.POST("/login/", {
  body: { username: "alice", password: "wrong" },
});
console.log(refused.response.status, typeof refused.error?.error);
