# kelpied and kelpie, compiled in one stage and run in another, without root.
FROM node:20-slim AS build
WORKDIR /kelpie
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY protos protos
COPY gen gen
COPY server server
COPY client client
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:20-slim
ENV NODE_ENV=production \
  KELPIE_LOG_FORMAT=json
COPY --from=build /kelpie/package.json /opt/kelpie/
COPY --from=build /kelpie/node_modules /opt/kelpie/node_modules
COPY --from=build /kelpie/gen/kelpie.binpb /opt/kelpie/gen/
COPY --from=build /kelpie/dist /opt/kelpie/dist
# The data folder is the user's: a volume that is mounted there becomes so too.
RUN ln -s /opt/kelpie/dist/server/main.js /usr/local/bin/kelpied \
  && ln -s /opt/kelpie/dist/client/cli/main.js /usr/local/bin/kelpie \
  && mkdir -p /var/lib/kelpie/data \
  && chmod 0700 /var/lib/kelpie/data \
  && chown -R 1000:1000 /var/lib/kelpie
# The user node. A number, so that an orchestrator sees that it is not root (runAsNonRoot).
USER 1000:1000
WORKDIR /var/lib/kelpie
VOLUME /var/lib/kelpie/data
EXPOSE 50051
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9464/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# It writes to the volume alone, so the root file system can be read-only. For other containers see compose.yaml.
ENTRYPOINT ["kelpied"]
