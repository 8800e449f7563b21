// Cookie modes, outside of a browser: what a browser does with cookies is done by hand.
import createClient from "openapi-fetch";
import type { paths } from "./endpoints.js";

declare const process: { argv: string[] };

const client = createClient<paths>({ baseUrl: process.argv[2] });

const login = await client.POST("/login/", {
  body: { username: "alice", password: "pass" },
});
if (login.error) throw new Error(login.error.error);

const cookies = login.response.headers.getSetCookie().map((line) => line.split(";")[0]);
const csrf = cookies.find((cookie) => cookie.startsWith("csrftoken="))?.split("=")[1] ?? "";

const refreshed = await client.POST("/api/token/refresh/refresh_access/", {
  headers: { Cookie: cookies.join("; "), "X-CSRFToken": csrf },
});
console.log(login.response.status, refreshed.response.status, login.data.msg);

const forged = await client.POST("/api/token/refresh/refresh_access/", {
  headers: { Cookie: cookies.join("; ") },
});
console.log(forged.response.status, typeof forged.error?.error);
