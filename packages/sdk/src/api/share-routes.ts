import {
  type GrantedObject,
  type GrantedStand,
  type GrantList,
  type GrantMade,
  type GrantRequest,
  grantedObjectWire,
  grantedStandWire,
  grantListWire,
  grantMadeWire,
  grantRequestWire,
  LINK_HEADER,
  type LookGrantedRequest,
  lookGrantedRequestWire,
  type PutGrantedQuery,
  putGrantedQueryWire,
  type WriteLinkView,
  writeLinkViewWire,
} from './grants.ts'
import type { StreamBody } from './objects.ts'
import { get, post, type Route } from './route.ts'
import {
  type GetSharedRequest,
  getSharedRequestWire,
  type ListSharedRequest,
  listSharedRequestWire,
  type NarrowRequest,
  narrowRequestWire,
  type SharedList,
  type SharedStream,
  type ShareLinkView,
  type ShareList,
  type ShareMade,
  type ShareName,
  type ShareRequest,
  sharedListWire,
  shareLinkViewWire,
  shareListWire,
  shareMadeWire,
  shareNameWire,
  shareRequestWire,
} from './shares.ts'

type NoBody = undefined
type NoQuery = undefined

/** Operations on what is shared, to read and to write: by its owner, and by whoever has a link. */
export interface ShareRoutes {
  readonly share: Route<ShareRequest, NoQuery, ShareMade>
  readonly listShares: Route<NoBody, NoQuery, ShareList>
  readonly getShare: Route<ShareName, NoQuery, ShareMade>
  readonly unshare: Route<ShareName, NoQuery, undefined>
  readonly narrowShare: Route<NarrowRequest, NoQuery, ShareLinkView>
  readonly listShared: Route<ListSharedRequest, NoQuery, SharedList>
  readonly getShared: Route<GetSharedRequest, NoQuery, SharedStream>
  readonly grantWrite: Route<GrantRequest, NoQuery, GrantMade>
  readonly listGrants: Route<NoBody, NoQuery, GrantList>
  readonly getGrant: Route<ShareName, NoQuery, GrantMade>
  readonly endGrant: Route<ShareName, NoQuery, undefined>
  readonly narrowGrant: Route<NarrowRequest, NoQuery, WriteLinkView>
  readonly lookGranted: Route<LookGrantedRequest, NoQuery, GrantedStand>
  readonly putGranted: Route<StreamBody, PutGrantedQuery, GrantedObject>
}

/** The table of {@link ShareRoutes}. */
export const shareRoutes: ShareRoutes = {
  share: {
    ...post('share', '/v1/shares', 'Shares a folder, a bucket or an object; answers with a link'),
    body: shareRequestWire,
    answer: shareMadeWire,
  },
  listShares: { ...get('listShares', '/v1/shares', 'What is shared, without the links'), answer: shareListWire },
  getShare: {
    ...post('getShare', '/v1/shares/link', 'A share with its link'),
    body: shareNameWire,
    answer: shareMadeWire,
  },
  unshare: {
    ...post('unshare', '/v1/shares/end', 'Takes a share back: its links show nothing any more'),
    body: shareNameWire,
    answer: undefined,
  },
  narrowShare: {
    ...post('narrowShare', '/v1/shared/narrow', 'A link to less than a link shows; nobody is asked'),
    body: narrowRequestWire,
    answer: shareLinkViewWire,
  },
  listShared: {
    ...post('listShared', '/v1/shared/list', 'What a link shows, as its owner has it now'),
    body: listSharedRequestWire,
    answer: sharedListWire,
  },
  getShared: {
    ...post('getShared', '/v1/shared/get', 'The bytes of an object that a link shows, or some of them'),
    body: getSharedRequestWire,
    form: 'stream',
    answer: undefined,
  },
  grantWrite: {
    ...post('grantWrite', '/v1/grants', 'Lets whoever gets the link write into a folder, so many bytes in all'),
    body: grantRequestWire,
    answer: grantMadeWire,
  },
  listGrants: { ...get('listGrants', '/v1/grants', 'Links to write, without the links'), answer: grantListWire },
  getGrant: {
    ...post('getGrant', '/v1/grants/link', 'A grant to write with its link'),
    body: shareNameWire,
    answer: grantMadeWire,
  },
  endGrant: {
    ...post('endGrant', '/v1/grants/end', 'Takes a grant back: nothing is written with its links any more'),
    body: shareNameWire,
    answer: undefined,
  },
  narrowGrant: {
    ...post('narrowGrant', '/v1/granted/narrow', 'A link to write less than a link lets write; nobody is asked'),
    body: narrowRequestWire,
    answer: writeLinkViewWire,
  },
  lookGranted: {
    ...post('lookGranted', '/v1/granted/look', 'What a link to write takes yet, and what is kept of an object'),
    body: lookGrantedRequestWire,
    answer: grantedStandWire,
  },
  putGranted: {
    ...post('putGranted', '/v1/granted/put', 'Writes an object with a link, at the expense of who made the link'),
    body: 'stream',
    query: putGrantedQueryWire,
    secret: { member: 'link', header: LINK_HEADER },
    answer: grantedObjectWire,
  },
}
