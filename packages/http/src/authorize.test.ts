import { describe, expect, test } from "@jest/globals";
import { bearerToken, isLoopback, loopbackOnly } from "./authorize.ts";
import { HttpProblem } from "./problem.ts";

const requestWith = (authorization?: string, url = "http://127.0.0.1:8080/ask"): Request =>
  new Request(url, authorization === undefined ? {} : { headers: { authorization } });

describe("bearerToken", () => {
  const authorize = bearerToken("s3cret-token", { tenantId: "acme" });

  test("answers the scope for the token, whatever the case of the scheme", () => {
    expect(authorize(requestWith("Bearer s3cret-token"))).toEqual({ tenantId: "acme" });
    expect(authorize(requestWith("bearer   s3cret-token"))).toEqual({ tenantId: "acme" });
  });

  test.each([
    undefined,
    "",
    "Bearer",
    "Bearer ",
    "Bearer s3cret-toke",
    "Bearer s3cret-token2",
    "Basic s3cret-token",
    "s3cret-token",
  ])("answers null for %p", (authorization) => {
    expect(authorize(requestWith(authorization))).toBeNull();
  });

  test("refuses an empty token, which everybody would have", () => {
    expect(() => bearerToken("")).toThrow("must not be empty");
    expect(() => bearerToken("  ")).toThrow("must not be empty");
  });
});

describe("loopbackOnly", () => {
  test.each(["http://127.0.0.1:8080/", "http://localhost/", "http://[::1]:99/", "http://LOCALHOST:1/"])(
    "allows a request to %s",
    (url) => {
      expect(loopbackOnly({ tenantId: "t" })(requestWith(undefined, url))).toEqual({ tenantId: "t" });
    },
  );

  test("refuses a request to another name, as a rebound page would send it, and says the fix", () => {
    const refused = (url: string) => {
      try {
        return loopbackOnly()(requestWith(undefined, url));
      } catch (error) {
        return error;
      }
    };
    for (const url of ["http://evil.example:8080/ask", "http://127.0.0.1.evil.example/", "http://192.168.0.7/"]) {
      const problem = refused(url);
      expect(problem).toBeInstanceOf(HttpProblem);
      expect(problem).toMatchObject({ status: 403, message: expect.stringContaining("configure a token") });
    }
  });

  test.each([
    ["127.0.0.1", true],
    ["127.1.2.3", true],
    ["::1", true],
    ["localhost", true],
    ["0.0.0.0", false],
    ["::", false],
    ["10.0.0.1", false],
    ["localhost.example.com", false],
  ])("isLoopback(%p) is %p", (host, expected) => {
    expect(isLoopback(host)).toBe(expected);
  });
});
