// npm's policyfile on a free port of loopback: `inline` on an HTTP server as its README says, `dedicated` on a port of its own. Prints
// the port; ends when its standard input does.
const http = require("http");
const policyfile = require("policyfile").createServer({ log: false }, ["127.0.0.1:1024-65535"]);

const server = process.argv[2] === "inline"
    ? http.createServer((request, response) => response.end("hello"))
    : policyfile.socket; // its own listen() takes no address and would bind them all
server.listen(0, "127.0.0.1", () => {
    if (server !== policyfile.socket) policyfile.listen(-1, server); // -1: no port beside it
    console.log(server.address().port);
});
process.stdin.on("end", () => process.exit()).resume();
